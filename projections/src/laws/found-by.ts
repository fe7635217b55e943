import { toJson } from "@landfall/domain/codec"
import fc from "fast-check"
import { fold } from "../fold.ts"
import type { Projection } from "../projection.ts"
import type { Law } from "./law.ts"

/** The events that a projection gives that key. */
const eventsOf = <Row, Event>(
  projection: Projection<Row, Event>,
  events: ReadonlyArray<Event>,
  key: string,
): ReadonlyArray<Event> => events.filter((event) => projection.key(event) === key)

/** A column of a row or event as text, `null` when it is absent. */
const columnText = <Item>(
  columns: { readonly [name: string]: { readonly of: (item: Item) => unknown } },
  name: string,
  item: Item,
): string => {
  const column = columns[name]
  if (column === undefined) throw new Error(`there is no column ${name}`)
  return toJson(column.of(item) ?? null)
}

/** The key columns have the same values in a row and in its events, and in no event of another key. */
export const keyColumnsFindTheEvents: Law = {
  name: "finds exactly the events of a row by its key columns",
  property: (projection, history) =>
    fc.property(history, (events) => {
      const { keyColumns, topic } = projection
      for (const [key, row] of fold(projection, events)) {
        const wanted = keyColumns.map((name) => columnText(projection.columns, name, row)).join()
        for (const event of events) {
          const found = keyColumns.map((name) => columnText(topic.columns, name, event)).join() === wanted
          if (found !== (projection.key(event) === key))
            throw new Error(
              `${projection.name} ${key}: by ${keyColumns.join(", ")} ${topic.name} ${event[topic.id]} is ${found ? "found" : "not found"}, and its key is ${projection.key(event)}`,
            )
        }
      }
    }),
}

/** What a row has in a column that rows are found by, one of its own events had there. */
export const findByComesFromEvents: Law = {
  name: "has in each column that rows are found by what one of the row's events has there",
  property: (projection, history) =>
    fc.property(history, (events) => {
      for (const [key, row] of fold(projection, events)) {
        const own = eventsOf(projection, events, key)
        for (const name of projection.findBy ?? []) {
          const shown = columnText(projection.columns, name, row)
          if (!own.some((event) => columnText(projection.topic.columns, name, event) === shown))
            throw new Error(`${projection.name} ${key}: no event of the row has ${name} ${shown}`)
        }
      }
    }),
}

/** A row that tells the ids of its events tells all of them, those that changed nothing too, and no others. */
export const eventIdsAreAllEvents: Law = {
  name: "tells the ids of all events of a row, if it tells any",
  property: (projection, history) =>
    fc.property(history, (events) => {
      for (const [key, row] of fold(projection, events)) {
        const told = projection.eventIds?.(row) ?? null
        if (told === null) continue
        const ids = new Set(
          eventsOf(projection, events, key).map((event) => String(event[projection.topic.id])),
        )
        const missing = [...ids].filter((id) => !told.includes(id))
        const extra = told.filter((id) => !ids.has(id))
        if (missing.length + extra.length > 0)
          throw new Error(
            `${projection.name} ${key}: the row does not tell ${missing.join(", ") || "anything wrongly left out"}; it tells ${extra.join(", ") || "nothing else"} beside its events`,
          )
      }
    }),
}
