import type { AnyTopic } from "@landfall/domain/registry"
import { type BinaryRows, pieces } from "../postgres/binary-copy.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import type { ReadMessage } from "./read-message.ts"

/** The columns that every evidence table begins with. */
const positionColumns = [
  "topic_partition",
  "kafka_offset",
  "event_id",
  "leader_epoch",
  "kafka_timestamp_ms",
  "message_key",
  "message_headers",
  "payload",
  "ingested_at",
  "leaf_hash",
]

/** A new event: its message, id and record. */
export interface NewEvidence {
  readonly message: ReadMessage
  readonly eventId: string
  readonly record: unknown
}

/** Adds rows to a topic's evidence table with one COPY; they are made ready piece by piece while the server takes them. */
export const writeEvidence = (
  transaction: Transaction,
  topic: AnyTopic,
  events: Iterable<NewEvidence>,
  ingestedAtMs: number,
): Promise<void> => {
  const typed = Object.entries(topic.columns)
  const names = [...positionColumns, ...typed.map(([name]) => name)]
  const add = (rows: BinaryRows, { message, eventId, record }: NewEvidence): void => {
    rows.begin(names.length)
    rows.value("integer", message.partition)
    rows.int64(message.offset)
    rows.uuid(eventId)
    rows.value("integer", message.leaderEpoch)
    rows.int64(message.timestampMs)
    rows.bytes(message.key)
    rows.bytes(message.headers)
    rows.bytes(message.value)
    rows.timestampMs(ingestedAtMs)
    rows.bytes(message.leafHash)
    for (const [, column] of typed) rows.value(column.type, column.of(record))
  }
  return transaction.copyIn(
    `copy ${topic.evidenceTable} (${names.join(", ")}) from stdin (format binary)`,
    pieces(events, add),
  )
}

/**
 * The payloads of those ids that are events already, by id: rows of the table, and dead letters that were retried. Usually
 * none, so the payloads cost nothing; and where no letter was ever retried, looking for one costs nothing either.
 */
export const findExisting = async (
  transaction: Transaction,
  topic: AnyTopic,
  eventIds: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, string>> => {
  const rows = await transaction.query<{ event_id: string; payload: string }>(
    `select event_id::text, payload from ${topic.evidenceTable} where event_id = any($1::uuid[])
     union all select event_id::text, payload from retried_letters
     where (select exists (select from dead_letter_acts where act = 'retried')) and topic = $2 and event_id = any($1::uuid[])`,
    [arrayLiteral(eventIds), topic.name],
  )
  return new Map(rows.map((row) => [row.event_id, row.payload]))
}
