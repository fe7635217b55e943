import type { Admin } from "../kafka/admin.ts"
import type { KafkaConnection } from "../kafka/configuration.ts"
import { type ConsumedMessage, openConsumer } from "../kafka/consumer.ts"
import type { Extent, Stretch } from "./range.ts"

/** How to reach the topic, and what to do with it. */
export interface TopicSource {
  readonly kafka: KafkaConnection
  readonly admin: Admin
}

/** Messages handed over at once: enough that waiting for a portion costs nothing a message. */
const portionMessagesMax = 1_000
/** What waits in the client: with the portion, all of the log that is in memory at a time. */
const queuedBytesMax = 32 * 1024 * 1024
const waitMs = 50
/** Longer without a message than this, and the end is not coming: an open transaction, or a broker that is away. */
const idleMsMax = 60_000

/** The offsets that Kafka has of each partition of a topic now; the end is the last stable offset. */
export const topicExtents = async (admin: Admin, topic: string): Promise<ReadonlyArray<Extent>> => {
  const [described] = await admin.describe([topic])
  const partitions = Array.from({ length: described?.partitions ?? 0 }, (_, partition) => ({
    topic,
    partition,
  }))
  const bounds = await admin.bounds(partitions)
  return bounds.map(({ earliest, end }, partition) => ({ partition, first: earliest, end }))
}

/**
 * The committed messages of a topic in those stretches, a portion at a time, in offset order within each partition.
 * Memory holds the portion and what the client has fetched ahead, however long the topic is.
 */
export async function* readTopic(
  { kafka }: Pick<TopicSource, "kafka">,
  topic: string,
  stretches: ReadonlyArray<Stretch>,
  signal?: AbortSignal,
): AsyncGenerator<ReadonlyArray<ConsumedMessage>> {
  const open = new Map(stretches.filter(({ start, end }) => start < end).map((one) => [one.partition, one]))
  if (open.size === 0) return
  const ends: number[] = []
  for (const { partition, end } of open.values()) ends[partition] = end
  const consumer = await openConsumer(kafka, { group: null, waitMs, queuedBytesMax })
  try {
    consumer.assign([...open.values()].map(({ partition, start }) => ({ topic, partition, offset: start })))
    let last_ms = performance.now()
    while (open.size > 0) {
      signal?.throwIfAborted()
      const portion = await consumer.consume(portionMessagesMax)
      const wanted = portion.filter(({ partition, offset }) => offset < (ends[partition] ?? 0))
      if (wanted.length > 0) {
        last_ms = performance.now()
        yield wanted
      } else if (performance.now() - last_ms > idleMsMax)
        throw new Error(
          `${[...open.keys()].map((partition) => `${topic}/${partition}`).join(", ")} gave no message for ${idleMsMax / 1000} s before the end was reached: see whether its brokers are there`,
        )
      const over = overAfter(portion, open, (partition) => consumer.endOf(topic, partition)?.reached ?? 0)
      for (const partition of over) open.delete(partition)
      // What comes after the end is not fetched for nothing while other partitions are still read.
      if (over.length > 0 && open.size > 0) consumer.pause(over.map((partition) => ({ topic, partition })))
    }
  } finally {
    await consumer.close()
  }
}

/** The partitions of which nothing more is to come: the end was reached, or only transaction markers lie before it. */
const overAfter = (
  portion: ReadonlyArray<ConsumedMessage>,
  open: ReadonlyMap<number, Stretch>,
  reached: (partition: number) => number,
): ReadonlyArray<number> => {
  const next = new Map<number, number>()
  for (const { partition, offset } of portion) next.set(partition, offset + 1)
  return [...open.values()].flatMap(({ partition, end }) =>
    Math.max(next.get(partition) ?? 0, reached(partition)) >= end ? [partition] : [],
  )
}
