import type { Projection } from "./projection.ts"

/** The rows of one projection in memory, by key. */
export type Rows<Row> = Map<string, Row>

/** Folds events into the rows, in place, and returns them. The one way an event becomes state, live or replayed. */
export const foldInto = <Row, Event>(
  projection: Projection<Row, Event>,
  rows: Rows<Row>,
  events: Iterable<Event>,
): Rows<Row> => {
  for (const event of events) {
    const key = projection.key(event)
    const before = rows.get(key) ?? null
    const after = projection.evolve(before, event)
    if (after !== null && after !== before) rows.set(key, after)
  }
  return rows
}

/** Folds events from nothing. */
export const fold = <Row, Event>(projection: Projection<Row, Event>, events: Iterable<Event>): Rows<Row> =>
  foldInto(projection, new Map(), events)
