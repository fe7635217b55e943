import { Schema } from "effect"
import { WholeNumber } from "./text.ts"

/** A topic name as Kafka allows it, save the one that a program would mistake for an object's prototype. */
const isTopicName = (name: string): boolean => /^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== "__proto__"

const isPartition = (text: string): boolean => /^(?:0|[1-9]\d{0,8})$/.test(text)

// The names are checked on the whole: a record schema would drop a name that its key schema refuses,
// and a position that lost a partition is a false one.
const OffsetByPartition = Schema.Record(Schema.String, WholeNumber).check(
  Schema.makeFilter(
    (offsets) => Object.keys(offsets).every(isPartition) || "expected partition numbers as decimal digits",
  ),
)

/** How far something has read: for each topic and partition, the offset of the next message. */
export const Cut = Schema.Record(Schema.String, OffsetByPartition).check(
  Schema.makeFilter(
    (cut) => Object.keys(cut).every(isTopicName) || "expected topic names as Kafka allows them",
  ),
)
export type Cut = typeof Cut.Type

/** The position vector that every snapshot, answer and rebuild stands at; the same shape as a cut. */
export type Position = Cut

/** The position that has read everything either of the two has read. */
export const furthest = (left: Position, right: Position): Position => {
  const topics = new Map<string, Map<string, number>>()
  for (const position of [left, right]) {
    for (const [topic, partitions] of Object.entries(position)) {
      const merged = topics.get(topic) ?? new Map<string, number>()
      topics.set(topic, merged)
      for (const [partition, next] of Object.entries(partitions))
        merged.set(partition, Math.max(merged.get(partition) ?? 0, next))
    }
  }
  return Object.fromEntries([...topics].map(([topic, partitions]) => [topic, Object.fromEntries(partitions)]))
}

/** Whether `position` has read everything that `target` has. A partition that is not named was not read: its next offset is 0. */
export const reached = (position: Position, target: Position): boolean =>
  Object.entries(target).every(([topic, partitions]) => {
    const read = Object.hasOwn(position, topic) ? (position[topic] ?? {}) : {}
    return Object.entries(partitions).every(
      ([partition, next]) => (Object.hasOwn(read, partition) ? (read[partition] ?? 0) : 0) >= next,
    )
  })
