import type { Position } from "@landfall/domain/position"
import type { AnyTopic } from "@landfall/domain/registry"
import { topics } from "@landfall/domain/registry"
import { epochMs, type Timestamp } from "@landfall/domain/timestamp"
import type { EvidenceEvent } from "../history/evidence-source.ts"
import type { Transaction } from "../postgres/transaction.ts"

/** `ingest`: what Landfall had written by then; `event`: what had happened by then, by the records' own times. */
export const bases = ["ingest", "event"] as const
export type Basis = (typeof bases)[number]

/** An instant that a question is asked as of. */
export interface AsOf {
  readonly at: Timestamp
  readonly basis: Basis
}

/** Whether the event counts as of that instant; one that today's schema refuses never does. */
export const countsBy = ({ at, basis }: AsOf, topic: AnyTopic, event: EvidenceEvent): boolean => {
  if (!event.decoded.ok) return false
  return basis === "ingest" ? event.ingestedAtMs <= epochMs(at) : topic.occurredAt(event.decoded.record) <= at
}

/**
 * How far each partition had been read by that instant. Times do not go back along a partition, so the place is searched
 * for by halves, and neither what came before nor what came after is read.
 */
export const positionAt = async (transaction: Transaction, at: Timestamp): Promise<Position> => {
  const position: Record<string, Record<string, number>> = {}
  for (const topic of topics) {
    const rows = await transaction.query<{ topic_partition: number; next_offset: string }>(
      positionStatement(topic),
      [topic.name, at],
    )
    for (const { topic_partition, next_offset } of rows) {
      position[topic.name] ??= {}
      ;(position[topic.name] ?? {})[String(topic_partition)] = Number(next_offset)
    }
  }
  return position
}

/** `low` is after the last event known to be in time, `high` before the first known to be late; they meet. */
const positionStatement = ({ evidenceTable }: AnyTopic): string => `
  with recursive search as (
    select topic_partition, first_offset as low, next_offset as high from checkpoints where topic = $1
    union all
    select search.topic_partition,
      case when probe.ingested_at <= $2::text::timestamptz then probe.kafka_offset + 1 else search.low end,
      case when probe.ingested_at <= $2::text::timestamptz then search.high else (search.low + search.high) / 2 end
    from search left join lateral (
      select kafka_offset, ingested_at from ${evidenceTable} as evidence
      where evidence.topic_partition = search.topic_partition
        and evidence.kafka_offset >= (search.low + search.high) / 2 and evidence.kafka_offset < search.high
      order by evidence.kafka_offset limit 1
    ) as probe on true
    where search.low < search.high
  )
  select found.topic_partition, greatest(found.low,
    (select max(kafka_offset) + 1 from dead_letters as letter where letter.topic = $1
      and letter.topic_partition = found.topic_partition and letter.ingested_at <= $2::text::timestamptz),
    (select max(kafka_offset) + 1 from duplicate_deliveries as repeat where repeat.topic = $1
      and repeat.topic_partition = found.topic_partition and repeat.ingested_at <= $2::text::timestamptz)) as next_offset
  from search as found where found.low >= found.high order by found.topic_partition`
