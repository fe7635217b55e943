import { openConsumer } from "../kafka/consumer.ts"
import type { TopicSource } from "../replay/read-topic.ts"
import { topicExtents } from "../replay/read-topic.ts"
import { type Checkpoint, partitionName } from "./checkpoint.ts"

/** How far what is recorded of a partition lies behind what Kafka has of it. */
export interface PartitionBehind {
  readonly topic: string
  readonly partition: number
  readonly next_offset: number
  /** Kafka's last stable offset; null when Kafka was not asked. */
  readonly end_offset: number | null
  /** Offsets between the two, 0 when only transaction markers lie there; null when Kafka was not asked. */
  readonly messages: number | null
  /** For how long the oldest message that is not recorded has been in Kafka; 0 when there is none, null when not known. */
  readonly seconds: number | null
  /** When something of the partition was last recorded, in epoch milliseconds; null before the first time. */
  readonly recorded_ms: number | null
}

/** How long to look for the oldest unrecorded messages: an answer about freshness must itself be fresh. */
const probeMsMax = 3_000
const waitMs = 20
const queuedBytesMax = 1024 * 1024

/** How far the checkpoints of those topics lie behind Kafka, which is asked now; without Kafka only where they stand. */
export const measureBehind = async (
  source: TopicSource | null,
  topics: ReadonlyArray<string>,
  checkpoints: ReadonlyArray<Checkpoint>,
  now: () => number,
): Promise<ReadonlyArray<PartitionBehind>> => {
  const known = new Map(checkpoints.map((checkpoint) => [partitionName(checkpoint), checkpoint]))
  if (source === null)
    return checkpoints
      .filter(({ topic }) => topics.includes(topic))
      .map(({ topic, partition, nextOffset, updatedAtMs }) => ({
        topic,
        partition,
        next_offset: nextOffset,
        end_offset: null,
        messages: null,
        seconds: null,
        recorded_ms: updatedAtMs,
      }))
  const extents = await Promise.all(
    topics.map(async (topic) =>
      (await topicExtents(source.admin, topic)).map((extent) => ({ topic, ...extent })),
    ),
  )
  const partitions = extents.flat().map(({ topic, partition, first, end }) => {
    const checkpoint = known.get(partitionName({ topic, partition }))
    const next_offset = checkpoint?.nextOffset ?? first
    return { topic, partition, next_offset, end_offset: end, recorded_ms: checkpoint?.updatedAtMs ?? null }
  })
  const waiting = partitions.filter(({ next_offset, end_offset }) => next_offset < end_offset)
  const oldest = await oldestUnread(source, waiting)
  const now_ms = now()
  return partitions.map((at) => {
    if (at.next_offset >= at.end_offset) return { ...at, messages: 0, seconds: 0 }
    const stamped_ms = oldest.get(partitionName(at))
    if (stamped_ms === "none") return { ...at, messages: 0, seconds: 0 }
    const messages = at.end_offset - at.next_offset
    return {
      ...at,
      messages,
      seconds: stamped_ms === undefined ? null : Math.max(0, (now_ms - stamped_ms) / 1000),
    }
  })
}

/** Kafka's time of the first message of each partition from where it was read to; `none` when there is only a marker. */
const oldestUnread = async (
  { kafka }: TopicSource,
  partitions: ReadonlyArray<{
    readonly topic: string
    readonly partition: number
    readonly next_offset: number
    readonly end_offset: number
  }>,
): Promise<ReadonlyMap<string, number | "none">> => {
  const found = new Map<string, number | "none">()
  if (partitions.length === 0) return found
  const open = new Map(partitions.map((at) => [partitionName(at), at]))
  const consumer = await openConsumer(kafka, { group: null, waitMs, queuedBytesMax })
  try {
    consumer.assign(
      partitions.map(({ topic, partition, next_offset }) => ({ topic, partition, offset: next_offset })),
    )
    const deadline_ms = performance.now() + probeMsMax
    while (open.size > 0 && performance.now() < deadline_ms) {
      for (const message of await consumer.consume(100)) {
        const name = partitionName(message)
        if (!open.delete(name)) continue
        consumer.pause([{ topic: message.topic, partition: message.partition }])
        if (message.timestamp !== undefined && message.timestamp >= 0) found.set(name, message.timestamp)
      }
      for (const [name, { topic, partition, end_offset }] of open)
        if ((consumer.endOf(topic, partition)?.reached ?? 0) >= end_offset) {
          found.set(name, "none")
          open.delete(name)
        }
    }
    return found
  } finally {
    await consumer.close()
  }
}
