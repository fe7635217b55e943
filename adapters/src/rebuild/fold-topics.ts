import { recordDecoder } from "@landfall/domain/codec"
import type { AnyProjection } from "@landfall/projections/registry"
import { type Checkpoint, partitionName, readCheckpoints } from "../history/checkpoint.ts"
import { kafkaLogs, requireContinuable } from "../history/resume.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { readTopic, type TopicSource } from "../replay/read-topic.ts"
import type { FoldedRows } from "./folded-rows.ts"
import { RebuildRefused } from "./options.ts"

export interface FoldTopicsOptions {
  readonly rows: FoldedRows
  readonly signal?: AbortSignal
  /** Offsets that are read between two calls of `onSegment`. */
  readonly segmentOffsets: number
  readonly onEvents: () => void
  readonly onSegment: () => Promise<void>
}

/**
 * Folds from Kafka what lies between where the rows stand and the checkpoints as they are now. Throws
 * {@link RebuildRefused} when Kafka no longer has it all. What the history writer set aside, as dead letter or repeated
 * delivery, is no event here either.
 */
export const foldTopics = async (
  database: Database,
  source: TopicSource,
  projection: AnyProjection,
  options: FoldTopicsOptions,
): Promise<void> => {
  const { topic } = projection
  const checkpoints = await database.transaction((transaction) => readCheckpoints(transaction, topic.name))
  await requireHeld(source, checkpoints, options.rows)
  for (const { partition, firstOffset, nextOffset } of checkpoints) {
    let from = Math.max(firstOffset, options.rows.partition(partition).next)
    while (from < nextOffset) {
      const to = Math.min(nextOffset, from + options.segmentOffsets)
      const whole = await foldStretch(database, source, projection, options, {
        partition,
        start: from,
        end: to,
      })
      if (whole) options.rows.reach(partition, to)
      from = to
      await options.onSegment()
    }
  }
}

/** False when it was told to stop on the way. */
const foldStretch = async (
  database: Database,
  source: TopicSource,
  { topic }: AnyProjection,
  { rows, signal, onEvents }: FoldTopicsOptions,
  stretch: { readonly partition: number; readonly start: number; readonly end: number },
): Promise<boolean> => {
  const decode = recordDecoder(topic)
  const { aside, retried } = await database.transaction((transaction) =>
    setAside(transaction, topic.name, stretch),
  )
  const fold = rows.folding(stretch.partition)
  for await (const portion of readTopic(source, topic.name, [stretch])) {
    for (const { offset, value } of portion) {
      if (aside.has(offset)) continue
      const decoded = decode(value)
      if (!decoded.ok)
        throw new RebuildRefused(
          `${topic.name}/${stretch.partition}: the message at offset ${offset} is evidence and no record under today's schema: ${decoded.reason}; nothing was promoted`,
        )
      fold(decoded.record, offset, retried.has(offset))
    }
    onEvents()
    if (signal?.aborted === true) return false
  }
  return true
}

/** Throws unless Kafka has every message from where the rows stand up to the checkpoints, in the logs that were read. */
const requireHeld = async (
  { admin }: TopicSource,
  checkpoints: ReadonlyArray<Checkpoint>,
  rows: FoldedRows,
): Promise<void> => {
  const logs = await kafkaLogs(admin, checkpoints)
  for (const checkpoint of checkpoints) {
    const log = logs.get(partitionName(checkpoint))
    if (log === undefined) continue
    const from = Math.max(checkpoint.firstOffset, rows.partition(checkpoint.partition).next)
    if (from < log.earliest && from < checkpoint.nextOffset)
      throw new RebuildRefused(
        `${partitionName(checkpoint)}: the topic no longer holds offsets ${from} to ${Math.min(log.earliest, checkpoint.nextOffset) - 1}: rebuild from the evidence, which has them; nothing was changed`,
      )
    requireContinuable(checkpoint, log)
  }
}

/** Offsets of the stretch that are no events, and those that are events since they were retried. */
const setAside = async (
  transaction: Transaction,
  topic: string,
  { partition, start, end }: { readonly partition: number; readonly start: number; readonly end: number },
): Promise<{ readonly aside: ReadonlySet<number>; readonly retried: ReadonlySet<number> }> => {
  const within = "topic = $1 and topic_partition = $2 and kafka_offset >= $3 and kafka_offset < $4"
  const offsets = async (statement: string): Promise<Set<number>> => {
    const rows = await transaction.query<{ kafka_offset: string }>(statement, [topic, partition, start, end])
    return new Set(rows.map(({ kafka_offset }) => Number(kafka_offset)))
  }
  const retried = await offsets(`select kafka_offset from retried_letters where ${within}`)
  const aside = await offsets(
    `select kafka_offset from dead_letters where ${within}
     union all select kafka_offset from duplicate_deliveries where ${within}`,
  )
  for (const offset of retried) aside.delete(offset)
  return { aside, retried }
}
