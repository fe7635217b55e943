import { openEventReader } from "@landfall/adapters/alerts/event-reader"
import { recordedPolicies } from "@landfall/adapters/alerts/policy-store"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { topics } from "@landfall/domain/registry"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import type { ReadEvent } from "@landfall/evaluators/alerts/evaluator"
import { type Replay, replayAlerts } from "@landfall/evaluators/alerts/replay"
import type { World } from "./given-world.ts"

/** Makes every decision again that is in Kafka, from what is in Kafka and the policies in PostgreSQL. */
export const replayEverything = async ({ kafka, database }: World): Promise<Replay> => {
  const connection = { brokers: kafka.brokers, clientId: "replay" }
  const admin = openAdmin(connection)
  const reader = await openEventReader({ kafka: connection, admin, topics })
  const events: ReadEvent[] = []
  try {
    const ends = await reader.ends()
    const next = new Map<string, number>()
    const isRead = (): boolean =>
      Object.entries(ends).every(([topic, partitions]) =>
        Object.entries(partitions).every(
          ([partition, end]) =>
            Math.max(next.get(`${topic}/${partition}`) ?? 0, reader.reached(topic, Number(partition)) ?? 0) >=
            end,
        ),
      )
    while (!isRead())
      for (const { topic, partition, next_offset, event } of await reader.next()) {
        next.set(`${topic}/${partition}`, next_offset)
        if (event !== null) events.push(event)
      }
  } finally {
    await reader.close()
    admin.close()
  }
  const policies = await database.transaction(recordedPolicies)
  const recorded = events
    .filter(({ topic }) => topic === alertTopic.name)
    .map(({ record }) => record as Alert)
  return replayAlerts(
    events.filter(({ topic }) => topic !== alertTopic.name),
    recorded,
    { policies },
  )
}
