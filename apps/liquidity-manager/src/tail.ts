import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { openConsumer } from "@landfall/adapters/kafka/consumer"
import { recordDecoder } from "@landfall/domain/codec"
import type { Position } from "@landfall/domain/position"
import { type AnyTopic, topicByName } from "@landfall/domain/registry"

/** A record that came after the state was loaded; null for a message that is none. */
export interface TailedRecord {
  readonly topic: string
  readonly partition: number
  /** The offset after it. */
  readonly next: number
  readonly record: unknown
}

/** What is published to the topics from a position on, by this process or by others. */
export interface Tail {
  /** What has come since the last call; waits a moment when nothing has. */
  readonly next: () => Promise<ReadonlyArray<TailedRecord>>
  readonly close: () => Promise<void>
}

/** How much of a partition was not read yet. */
export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  readonly lag: number
}

/** A tail that says how far behind it is. */
export interface MeasuredTail extends Tail {
  /** By partition, as far as Kafka has said where each ends. */
  readonly lags: () => ReadonlyArray<PartitionLag>
}

const waitMs = 200
const messagesMax = 1_000
const queuedBytesMax = 8 * 1024 * 1024

/** Follows the topics of a position from there on. */
export const openTail = async (kafka: KafkaConnection, position: Position): Promise<MeasuredTail> => {
  const consumer = await openConsumer(kafka, { group: null, waitMs, queuedBytesMax })
  const decoders = new Map(
    Object.keys(position).map((name) => [name, recordDecoder(topicByName(name) as AnyTopic)]),
  )
  const points = Object.entries(position).flatMap(([topic, partitions]) =>
    Object.entries(partitions).map(([partition, offset]) => ({
      topic,
      partition: Number(partition),
      offset,
    })),
  )
  consumer.assign(points)
  const nexts = new Map(points.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]))
  return {
    next: async () =>
      (await consumer.consume(messagesMax)).map(({ topic, partition, offset, value }) => {
        nexts.set(`${topic}/${partition}`, offset + 1)
        const decoded = decoders.get(topic)?.(value)
        return { topic, partition, next: offset + 1, record: decoded?.ok === true ? decoded.record : null }
      }),
    lags: () =>
      points.flatMap(({ topic, partition }) => {
        const end = consumer.endOf(topic, partition)
        if (end === null) return []
        // The last offsets before the end may be transaction markers, which are never delivered.
        const next = Math.max(nexts.get(`${topic}/${partition}`) ?? 0, end.reached ?? 0)
        return [{ topic, partition, lag: Math.max(0, end.high - next) }]
      }),
    close: consumer.close,
  }
}
