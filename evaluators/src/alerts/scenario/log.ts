import type { Cut } from "@landfall/domain/position"
import { topicByName, topics } from "@landfall/domain/registry"
import type { ReadEvent } from "../evaluator.ts"

/** What Kafka is to an evaluator: partitions of messages that only grow. */
export interface Log {
  /** Writes a record and returns the message as it will be read. */
  readonly append: (topic: string, record: unknown, kafka_ms: number) => ReadEvent
  readonly ends: () => Cut
  /** All messages of a topic, each partition in order. */
  readonly messages: (topic: string) => ReadonlyArray<ReadEvent>
}

/**
 * An empty log. Each message key has a partition of its own, so that any order between keys is one in which a
 * consumer can get them.
 */
export const newLog = (): Log => {
  const logs = new Map<string, Map<string, ReadEvent[]>>(topics.map(({ name }) => [name, new Map()]))
  const partitionsOf = (topic: string): Map<string, ReadEvent[]> => {
    const partitions = logs.get(topic)
    if (partitions === undefined) throw new RangeError(`there is no topic ${topic}`)
    return partitions
  }
  return {
    append: (topic, record, kafka_ms) => {
      const partitions = partitionsOf(topic)
      const key = topicByName(topic)?.key(record) ?? ""
      const messages = partitions.get(key) ?? []
      partitions.set(key, messages)
      const partition = [...partitions.keys()].indexOf(key)
      const message = { topic, partition, offset: messages.length, kafka_ms, record }
      messages.push(message)
      return message
    },
    ends: () =>
      Object.fromEntries(
        [...logs].map(([topic, partitions]) => {
          const ends = [...partitions.values()].map((messages, partition) => [partition, messages.length])
          // A topic has a partition even before its first message.
          return [topic, ends.length === 0 ? { "0": 0 } : Object.fromEntries(ends)]
        }),
      ),
    messages: (topic) => [...partitionsOf(topic).values()].flat(),
  }
}
