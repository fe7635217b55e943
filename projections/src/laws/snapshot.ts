import { toJson } from "@landfall/domain/codec"
import { Equal } from "effect"
import fc from "fast-check"
import { fold } from "../fold.ts"
import { rowDecoder, rowEncoder } from "../row-codec.ts"
import type { Law } from "./law.ts"

/** A row read back from its snapshot table is the row that was written, field by field. */
export const snapshotHoldsTheRow: Law = {
  name: "reads back from its snapshot the row that was written",
  property: (projection, history) => {
    const encode = rowEncoder(projection)
    const decode = rowDecoder(projection)
    return fc.property(history, (events) => {
      for (const row of fold(projection, events).values()) {
        const read = decode(encode(row))
        if (!Equal.equals(read, row))
          throw new Error(`${projection.name}: wrote ${toJson(row)} and read ${toJson(read)}`)
      }
    })
  },
}
