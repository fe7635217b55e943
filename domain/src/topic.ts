import type { Schema } from "effect"
import type { Columns } from "./column.ts"
import type { Upcast } from "./upcast.ts"

/** A record schema that needs no services and whose written form is JSON. */
export type RecordSchema<Record> = Schema.Codec<Record, unknown>

/**
 * One Kafka topic and all that follows from it: how its records read, their key and id,
 * and the append-only table that keeps them.
 */
export interface Topic<Record = unknown> {
  readonly name: string
  readonly schema: RecordSchema<Record>
  /** The Kafka message key; records of one key stay in order. */
  readonly key: (record: Record) => string
  /** The field that holds the record's deterministic id, a UUID. */
  readonly id: keyof Record & string
  /** When the fact happened, as the record says: event time for as-of queries. */
  readonly occurredAt: (record: Record) => string
  /** The append-only table, and its typed columns beside position, payload and leaf hash. */
  readonly evidenceTable: string
  readonly columns: Columns<Record>
  /** From each older version of the written form to the next, oldest first; none while there was only one version. */
  readonly upcasts?: ReadonlyArray<Upcast>
}

/** Declares a topic; plain data, checked against its record type. */
export const defineTopic = <Record>(topic: Topic<Record>): Topic<Record> => topic
