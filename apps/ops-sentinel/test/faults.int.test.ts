import { createCheckpoint } from "@landfall/adapters/history/checkpoint"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { alertTopic } from "@landfall/domain/topics/alert"
import { expect, onTestFinished, test } from "vitest"
import { givenWorld } from "./given-world.ts"

const given = givenWorld({ history: false })

test("row 6, once: behind an old backup of Kafka nothing is published: it ends with the reason", {
  timeout: 60_000,
}, async () => {
  const world = given()
  const pair = "RESTORED/EURe"
  const admin = openAdmin({ brokers: world.kafka.brokers, clientId: "test" })
  onTestFinished(admin.close)
  const [described] = await admin.describe([alertTopic.name])
  // More of the topic is recorded than Kafka has.
  const at = { topic: alertTopic.name, partition: 0, firstOffset: 1_000_000 }
  await world.database.transaction((transaction) =>
    createCheckpoint(transaction, { ...at, topicId: described?.topicId ?? Buffer.alloc(16) }, Date.now()),
  )
  await world.price(pair)
  const sentinel = await world.spawn()
  expect(await sentinel.exited).toEqual({ code: 1, signal: null })
  expect(await sentinel.output()).toMatch(
    /ops\.alert\/0 was truncated: it ends at offset \d+, but everything before 1000000 was read/,
  )
  expect(await world.alerts(pair)).toEqual([])
})
