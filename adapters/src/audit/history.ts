import type { AnyTopic } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import type { AnyProjection } from "@landfall/projections/registry"
import type { EvidenceEvent } from "../history/evidence-source.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { type AsOf, countsBy } from "./as-of.ts"
import { type RowChange, rowChange } from "./change.ts"
import { type Keyed, readKeyEvents } from "./key-events.ts"

/** An event as timelines show it: its place in Kafka, its three times, and the exact text of its message. */
export interface ShownEvent {
  readonly topic: string
  readonly topic_partition: number
  readonly kafka_offset: number
  readonly event_id: string
  /** Event time: when it happened, as the record says. */
  readonly occurred_at: string
  readonly kafka_at: string | null
  readonly ingested_at: string
  readonly retried: boolean
  readonly payload: string
}

/** The event as it is shown. */
export const shownEvent = (topic: AnyTopic, event: EvidenceEvent, record: unknown): ShownEvent => ({
  topic: topic.name,
  topic_partition: event.partition,
  kafka_offset: event.offset,
  event_id: event.eventId,
  occurred_at: topic.occurredAt(record),
  kafka_at: event.kafkaTimestampMs < 0 ? null : timestamp(event.kafkaTimestampMs),
  ingested_at: timestamp(event.ingestedAtMs),
  retried: event.retried,
  payload: event.payload,
})

/** One event of a key's history, and what it made of the row. */
export interface HistoryStep {
  readonly event: EvidenceEvent
  readonly record: unknown
  readonly change: RowChange
  /** The row after the event; null while there is none. */
  readonly row: unknown
}

/** The history of one key in the order in which it is folded, each event with what it changed. */
export async function* readHistory(
  transaction: Transaction,
  projection: AnyProjection,
  keyed: Keyed,
  asOf: AsOf | null,
  thorough = false,
): AsyncGenerator<HistoryStep> {
  const changeOf = rowChange(projection)
  let row: unknown = null
  for await (const page of readKeyEvents(transaction, projection, [keyed], { thorough, asOf })) {
    for (const event of page) {
      if (!event.decoded.ok || (asOf !== null && !countsBy(asOf, projection.topic, event))) continue
      const { record } = event.decoded
      const after: unknown = projection.evolve(row, record)
      const change = changeOf(keyed.key, row, after)
      row = after ?? row
      yield { event, record, change, row }
    }
  }
}
