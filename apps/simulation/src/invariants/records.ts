import type { AnyTopic } from "@landfall/domain/registry"
import { decodedValue } from "../world/decoded.ts"
import { partitionCount, type SimulatedKafka } from "../world/kafka.ts"

/** A committed record with its place and Kafka's time. */
export interface LoggedRecord<Record> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly kafka_ms: number
  readonly record: Record
  /** When a message with this value came for the first time, by nobody's clock. */
  readonly firstCame_ms: number
  /** Whether a service published it; what the world writes comes without a transaction. */
  readonly inTransaction: boolean
}

/** All committed records of a topic, each partition in order; what does not decode is left out. */
export const recordsOf = <Record>(
  kafka: SimulatedKafka,
  topic: AnyTopic,
): ReadonlyArray<LoggedRecord<Record>> => {
  const came = new Map<string, number>()
  return Array.from({ length: partitionCount }, (_, partition) => partition).flatMap((partition) =>
    kafka
      .read(topic.name, partition, 0, Number.POSITIVE_INFINITY)
      .messages.flatMap(({ offset, entry }): ReadonlyArray<LoggedRecord<Record>> => {
        const decoded = decodedValue(topic.name, entry.value)
        if (!decoded.ok) return []
        const record = decoded.record as Record
        const id = String((record as { readonly [field: string]: unknown })[topic.id])
        const firstCame_ms = came.get(id) ?? entry.came_ms
        came.set(id, firstCame_ms)
        return [
          {
            topic: topic.name,
            partition,
            offset,
            kafka_ms: entry.at_ms,
            record,
            firstCame_ms,
            inTransaction: entry.transaction !== null,
          },
        ]
      }),
  )
}
