import type { AnyTopic } from "@landfall/domain/registry"
import { BinaryRows } from "../postgres/binary-copy.ts"
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

/** Rows on their way into a topic's evidence table. */
export interface EvidenceRows {
  readonly add: (message: ReadMessage, eventId: string, record: unknown) => void
  readonly write: (transaction: Transaction) => Promise<void>
}

/** Collects rows for one topic's evidence table, written with one COPY. */
export const evidenceRows = (topic: AnyTopic, ingestedAtMs: number): EvidenceRows => {
  const typed = Object.entries(topic.columns)
  const names = [...positionColumns, ...typed.map(([name]) => name)]
  const rows = new BinaryRows()
  return {
    add: (message, eventId, record) => {
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
    },
    write: (transaction) =>
      transaction.copyIn(
        `copy ${topic.evidenceTable} (${names.join(", ")}) from stdin (format binary)`,
        rows.chunks(),
      ),
  }
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
