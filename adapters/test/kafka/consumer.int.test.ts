import kafka from "@confluentinc/kafka-javascript"
import { expect, it, onTestFinished, vi } from "vitest"
import { openBulkProducer } from "../../src/kafka/bulk-producer.ts"
import { type Consumer, ConsumerLost, openConsumer } from "../../src/kafka/consumer.ts"
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

it("rows 8 and 9, no hang: a consumer that lost its name says so, also when messages came with the word of it", async () => {
  const topic = await given.topic()
  const join = async (): Promise<Consumer> => {
    let isMember = false
    const consumer: Consumer = await openConsumer(given.connection, {
      group: {
        id: `lost-${topic}`,
        memberName: "the-only-one",
        topics: [topic],
        listener: {
          assigned: async (partitions) => {
            consumer.assign(partitions.map(({ partition }) => ({ topic, partition, offset: 0 })))
            isMember = true
          },
          revoked: async () => consumer.unassign(),
          onFailure: () => {},
        },
      },
      waitMs: 200,
      queuedBytesMax: 1e6,
    })
    while (!isMember) await consumer.consume(10)
    return consumer
  }
  const first = await join()
  const second = await join()
  // Which of two came first is chance: here the client drops the error always.
  const consume: (this: kafka.KafkaConsumer, ...call: ReadonlyArray<unknown>) => unknown =
    kafka.KafkaConsumer.prototype.consume
  const dropped = Promise.withResolvers<void>()
  const spy = vi.spyOn(kafka.KafkaConsumer.prototype, "consume").mockImplementation(function (
    this: kafka.KafkaConsumer,
    count: number,
    done: (error: unknown, messages: ReadonlyArray<unknown>) => void,
  ) {
    consume.call(this, count, ((error: unknown, messages: ReadonlyArray<unknown>) => {
      if (error !== null) dropped.resolve()
      done(null, error === null ? messages : [])
    }) as never)
  } as never)
  onTestFinished(() => spy.mockRestore())
  const reading = (async (): Promise<never> => {
    for (;;) await first.consume(10)
  })()
  await Promise.all([dropped.promise, expect(reading).rejects.toThrow(ConsumerLost)])
  await Promise.all([first.close(), second.close()])
})
