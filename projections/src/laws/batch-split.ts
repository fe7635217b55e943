import fc from "fast-check"
import { fold, foldInto, type Rows } from "../fold.ts"
import { rowDecoder, rowEncoder, type SqlRow } from "../row-codec.ts"
import { expectSameRows, type Law } from "./law.ts"

const cutInto = <Event>(
  events: ReadonlyArray<Event>,
  sizes: ReadonlyArray<number>,
): ReadonlyArray<ReadonlyArray<Event>> => {
  const batches: Array<ReadonlyArray<Event>> = []
  let start = 0
  for (let turn = 0; start < events.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    batches.push(events.slice(start, start + size))
    start += size
  }
  return batches
}

const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 10 })

/** Where one batch ends and the next begins makes no difference, nor does a restart from the snapshot in between. */
export const batchSplitChangesNothing: Law = {
  name: "is not changed by how events are cut into batches, with a restart from the snapshot after each",
  property: (projection, history) => {
    const encode = rowEncoder(projection)
    const decode = rowDecoder(projection)
    return fc.property(history, sizes, (events, sizes) => {
      let rows: Rows<ReturnType<typeof decode>> = new Map()
      for (const batch of cutInto(events, sizes)) {
        foldInto(projection, rows, batch)
        const stored: ReadonlyArray<readonly [string, SqlRow]> = [...rows].map(([key, row]) => [
          key,
          encode(row),
        ])
        rows = new Map(stored.map(([key, columns]) => [key, decode(columns)]))
      }
      expectSameRows(projection, "batches changed rows", fold(projection, events), rows)
    })
  },
}
