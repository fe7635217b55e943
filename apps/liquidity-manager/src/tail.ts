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

const waitMs = 200
const messagesMax = 1_000
const queuedBytesMax = 8 * 1024 * 1024

/** Follows the topics of a position from there on. */
export const openTail = async (kafka: KafkaConnection, position: Position): Promise<Tail> => {
  const consumer = await openConsumer(kafka, { group: null, waitMs, queuedBytesMax })
  const decoders = new Map(
    Object.keys(position).map((name) => [name, recordDecoder(topicByName(name) as AnyTopic)]),
  )
  consumer.assign(
    Object.entries(position).flatMap(([topic, partitions]) =>
      Object.entries(partitions).map(([partition, offset]) => ({
        topic,
        partition: Number(partition),
        offset,
      })),
    ),
  )
  return {
    next: async () =>
      (await consumer.consume(messagesMax)).map(({ topic, partition, offset, value }) => {
        const decoded = decoders.get(topic)?.(value)
        return { topic, partition, next: offset + 1, record: decoded?.ok === true ? decoded.record : null }
      }),
    close: consumer.close,
  }
}
