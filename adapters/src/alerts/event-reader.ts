import { recordDecoder } from "@landfall/domain/codec"
import type { Cut } from "@landfall/domain/position"
import type { AnyTopic } from "@landfall/domain/registry"
import type { ReadEvent } from "@landfall/evaluators/alerts/evaluator"
import { LogBroken } from "../history/resume.ts"
import type { Admin } from "../kafka/admin.ts"
import type { KafkaConnection } from "../kafka/configuration.ts"
import { openConsumer } from "../kafka/consumer.ts"
import { openPartitionEnds } from "./partition-ends.ts"
import { readAhead } from "./read-ahead.ts"

/** A message as it was read. What does not decode is no event; the history writer keeps it as a dead letter. */
export interface ReadMessage {
  readonly topic: string
  readonly partition: number
  readonly next_offset: number
  readonly event: ReadEvent | null
}

/** All partitions of some topics, from the first message that Kafka still has, committed transactions only. */
export interface EventReader {
  /** Where reading begins. */
  readonly start: Cut
  /** Where the partitions end now; a topic whose ends are not all known is left out. */
  readonly ends: () => Promise<Cut>
  /** What is ready; waits a moment when nothing is. */
  readonly next: () => Promise<ReadonlyArray<ReadMessage>>
  /** The offset at which Kafka said that there is nothing more, beyond transaction markers; null when it has not. */
  readonly reached: (topic: string, partition: number) => number | null
  /** Throws {@link LogBroken} when a topic is not the one that was read, or has other partitions now. */
  readonly check: () => Promise<void>
  readonly close: () => Promise<void>
}

/** How long decoding may hold up everything else, and the bound of what waits in the client. */
const portionMessagesMax = 1_000
const queuedBytesMax = 16 * 1024 * 1024
const waitMs = 10

/**
 * Opens a reader that begins at the beginning: alert rules rest on the events behind a row and on when each status began,
 * which snapshots do not keep. Memory holds the rows, never the log.
 */
export const openEventReader = async (options: {
  readonly kafka: KafkaConnection
  readonly admin: Admin
  readonly topics: ReadonlyArray<AnyTopic>
}): Promise<EventReader> => {
  const { kafka, admin, topics } = options
  const names = topics.map(({ name }) => name)
  const described = await admin.describe(names)
  const partitions = described.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const bounds = await admin.bounds(partitions)
  const points = partitions.map((at, index) => ({ ...at, offset: bounds[index]?.earliest ?? 0 }))
  const known = new Map(topics.map((topic) => [topic.name, { topic, decode: recordDecoder(topic) }]))
  const consumer = await openConsumer(kafka, { group: null, waitMs, queuedBytesMax })
  consumer.assign(points)
  const ahead = readAhead(consumer, partitions, portionMessagesMax)
  const ends = openPartitionEnds(kafka, partitions)
  const start: Record<string, Record<string, number>> = Object.fromEntries(names.map((name) => [name, {}]))
  for (const { topic, partition, offset } of points)
    Object.assign(start[topic] ?? {}, { [String(partition)]: offset })

  return {
    start,
    ends: ends.read,
    next: async () => {
      const portion: ReadMessage[] = []
      for (const { topic: name, partition, offset, timestamp, value } of await ahead.next()) {
        const of = known.get(name)
        if (of === undefined) continue
        const topic = of.topic.name // not the message's own copy: what is the same text in one place is found faster
        const decoded = of.decode(value)
        const kafka_ms = timestamp ?? -1
        const event = decoded.ok ? { topic, partition, offset, kafka_ms, record: decoded.record } : null
        portion.push({ topic, partition, next_offset: offset + 1, event })
      }
      return portion
    },
    reached: ahead.reached,
    check: async () => {
      for (const now of await admin.describe(names)) {
        const before = described.find(({ name }) => name === now.name)
        if (before === undefined) continue
        if (!before.topicId.equals(now.topicId))
          throw new LogBroken(
            `${now.name} was deleted and created again while it was read; start again to read the new one from its beginning, and see docs/runbook/log-broken.md`,
          )
        if (before.partitions !== now.partitions)
          throw new LogBroken(
            `${now.name} has ${now.partitions} partitions now, and ${before.partitions} were read; start again to read them all`,
          )
      }
    },
    close: async () => {
      ends.close()
      await ahead.close()
      await consumer.close()
    },
  }
}
