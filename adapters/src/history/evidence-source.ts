import { type Decoded, recordDecoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import { inOrder } from "../dead-letters/in-order.ts"
import { readRetried } from "../dead-letters/retried.ts"
import type { Transaction } from "../postgres/transaction.ts"

/** An event as the evidence keeps it. */
export interface EvidenceEvent {
  readonly partition: number
  readonly offset: number
  readonly eventId: string
  /** When Kafka had it, in epoch milliseconds; −1 when Kafka did not say. */
  readonly kafkaTimestampMs: number
  /** When it was written here, in epoch milliseconds: what was known when. A retried letter was known from the retry on. */
  readonly ingestedAtMs: number
  /** Whether it came as a dead letter and counts as an event since it was retried; it has no leaf in the partition's log. */
  readonly retried: boolean
  /** The exact bytes of the message, as text: what is no UTF-8 is a dead letter. */
  readonly payload: string
  /** The record under today's schema, or the reason why it is none. */
  readonly decoded: Decoded<unknown>
}

/** Which events of a topic to read. */
export interface EvidenceQuery {
  readonly partition: number
  /** The first offset to read; from the beginning when left out. */
  readonly from?: number
  /** The offset to stop before; to the end when left out. */
  readonly to?: number
  /** Only what was written by then, in epoch milliseconds. */
  readonly ingestedUntilMs?: number
}

/** Rows read at once: a bound on memory, whatever the table holds. */
const pageRows = 5_000

/** A row of evidence as it is asked for with {@link eventColumns}. */
export interface EvidenceRow {
  readonly kafka_offset: string
  readonly event_id: string
  readonly kafka_timestamp_ms: string
  readonly ingested_at_ms: string
  readonly payload: string
}

/** The columns of an {@link EvidenceRow}. */
export const eventColumns = `kafka_offset, event_id::text, kafka_timestamp_ms, payload,
  (extract(epoch from ingested_at) * 1000)::bigint::text as ingested_at_ms`

/** A function that makes events of rows of a topic's evidence. */
export const eventReader = (topic: AnyTopic) => {
  const decode = recordDecoder(topic)
  return (partition: number, row: EvidenceRow, retried: boolean): EvidenceEvent => ({
    partition,
    offset: Number(row.kafka_offset),
    eventId: row.event_id,
    kafkaTimestampMs: Number(row.kafka_timestamp_ms),
    ingestedAtMs: Number(row.ingested_at_ms),
    retried,
    payload: row.payload,
    decoded: decode(Buffer.from(row.payload, "utf8")),
  })
}

/**
 * The events of one partition in offset order, a page at a time: the one way to fold what was recorded. Rebuilding,
 * replaying, verifying and asking as of an instant all read through it, so that they cannot disagree on what there is.
 * Dead letters that were retried stand among the rows of the evidence table, each at its own offset.
 */
export async function* readEvidence(
  transaction: Transaction,
  topic: AnyTopic,
  query: EvidenceQuery,
): AsyncGenerator<ReadonlyArray<EvidenceEvent>> {
  const event = eventReader(topic)
  const { partition } = query
  yield* inOrder(
    mapped(readRows(transaction, topic, query), (page) => page.map((row) => event(partition, row, false))),
    mapped(readRetried(transaction, topic, query), (row) => event(partition, row, true)),
  )
}

async function* mapped<From, To>(items: AsyncIterable<From>, change: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield change(item)
}

/** The rows of the evidence table. */
async function* readRows(
  transaction: Transaction,
  topic: AnyTopic,
  { partition, from = 0, to = Number.MAX_SAFE_INTEGER, ingestedUntilMs }: EvidenceQuery,
): AsyncGenerator<ReadonlyArray<EvidenceRow>> {
  const known =
    ingestedUntilMs === undefined ? "" : "and ingested_at <= to_timestamp($5::double precision / 1000)"
  const bound = ingestedUntilMs === undefined ? [] : [ingestedUntilMs]
  let next = from
  for (;;) {
    const rows = await transaction.query<EvidenceRow>(
      `select ${eventColumns}
       from ${topic.evidenceTable}
       where topic_partition = $1 and kafka_offset >= $2 and kafka_offset < $3 ${known}
       order by kafka_offset limit $4`,
      [partition, next, to, pageRows, ...bound],
    )
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return
    next = Number(last.kafka_offset) + 1
  }
}
