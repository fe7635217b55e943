import { expect, it, vi } from "vitest"
import { openBulkProducer } from "../../src/kafka/bulk-producer.ts"
import { openConsumer } from "../../src/kafka/consumer.ts"
import { givenKafka } from "./given-kafka.ts"

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

const given = givenKafka()

it("a consumer that is closed under a call answers the call first, and does nothing after it", async () => {
  const topic = await given.topic()
  const producer = await openBulkProducer(given.connection)
  await producer.send([{ topic, key: null, value: "read" }])
  await producer.close()
  const consumer = await openConsumer(given.connection, { group: null, waitMs: 10_000, queuedBytesMax: 1e6 })
  consumer.assign([{ topic, partition: 0, offset: 0 }])
  const consuming = consumer.consume(1)
  await Promise.all([consumer.close(), consumer.close()])
  expect((await consuming).map(({ value }) => String(value))).toEqual(["read"])
  await expect(consumer.consume(1)).rejects.toThrow("the consumer was closed")
  consumer.assign([{ topic, partition: 0, offset: 0 }])
  consumer.pause([{ topic, partition: 0 }])
  consumer.unassign()
  expect(consumer.endOf(topic, 0)?.high ?? 0).toBe(0)
})
