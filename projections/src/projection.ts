import type { Columns } from "@landfall/domain/column"
import type { Topic } from "@landfall/domain/topic"
import type { Schema } from "effect"

/** What a row looks like, field by field, so that it can be read back from its snapshot table. */
export type RowSchema<Row> = Schema.Codec<Row, unknown> & { readonly fields: Schema.Struct.Fields }

/**
 * A pure fold of one topic into rows by key. It has no clock, randomness or I/O: all it knows is the row and the event,
 * so folding the same events again always gives the same rows.
 */
export interface Projection<Row, Event> {
  /** Also the snapshot table (`<name>_snapshot`) and the metric label. */
  readonly name: string
  /** What several rows are called: the route is `/v1/<list>`. */
  readonly list: string
  /** Bump when `evolve` changes meaning: it forces a rebuild. */
  readonly version: number
  readonly topic: Topic<Event>
  /** The row that the event belongs to; all events of one row must share one message key, so that they are in order. */
  readonly key: (event: Event) => string
  /**
   * The columns that together tell the key, by the same names in the evidence and in the snapshot: with them the events
   * of one row are found without reading those of others.
   */
  readonly keyColumns: ReadonlyArray<string>
  /** Columns that a row has from an event's column of the same name, indexed in the evidence: they find rows of the past. */
  readonly findBy?: ReadonlyArray<string>
  /** The ids of all events that the row was folded from, where they follow from the row; null where they do not. */
  readonly eventIds?: (row: Row) => ReadonlyArray<string> | null
  /**
   * The row after the event. Gives back the very same row when the event changes nothing (a duplicate, or older news),
   * and null for an event that concerns no row.
   */
  readonly evolve: (row: Row | null, event: Event) => Row | null
  /** The schema of a row: every field is a column. */
  readonly row: RowSchema<Row>
  /** The snapshot table's columns; together they hold the whole row. */
  readonly columns: Columns<Row>
}

/** Declares a projection; plain data, checked against its row and event types. */
export const defineProjection = <Row, Event>(projection: Projection<Row, Event>): Projection<Row, Event> =>
  projection

/** The name of the table that holds the projection's current rows. */
export const snapshotTable = (projection: { readonly name: string }): string => `${projection.name}_snapshot`
