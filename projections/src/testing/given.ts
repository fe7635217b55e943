import { toJson } from "@landfall/domain/codec"
import { Equal } from "effect"
import { fold, foldInto } from "../fold.ts"
import type { Projection } from "../projection.ts"

const expectEqual = <Row>(when: string, expected: Row | null, actual: Row | null): void => {
  if (Equal.equals(expected, actual)) return
  throw new Error(`${when}\nexpected ${toJson(expected, 2)}\nbut got  ${toJson(actual, 2)}`)
}

/**
 * States one transition of a projection: `given(projection, earlier).when(event).then(row)`.
 * Everything is also run with the event delivered twice, which must make no difference.
 */
export const given = <Row, Event>(
  projection: Projection<Row, Event>,
  earlier: ReadonlyArray<Event> = [],
) => ({
  when: (event: Event) => {
    const key = projection.key(event)
    const rowAfter = (events: ReadonlyArray<Event>): Row | null => fold(projection, events).get(key) ?? null
    return {
      /** The row of the event's key is then exactly this; null for no row. */
      then: (row: Row | null): void => {
        expectEqual(`${projection.name} after the event`, row, rowAfter([...earlier, event]))
        expectEqual(
          `${projection.name} after the event came twice`,
          row,
          rowAfter([...earlier, event, { ...event }]),
        )
      },
      /** The event changes no row at all, and gives back the very same object. */
      thenNothingChanges: (): void => {
        const rows = fold(projection, earlier)
        const before = [...rows]
        foldInto(projection, rows, [event, { ...event }])
        const same = rows.size === before.length && before.every(([name, row]) => rows.get(name) === row)
        if (!same)
          throw new Error(`${projection.name} changed: ${toJson(before, 2)}\nnow ${toJson([...rows], 2)}`)
      },
    }
  },
})
