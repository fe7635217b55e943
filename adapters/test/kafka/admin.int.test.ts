import kafka from "@confluentinc/kafka-javascript"
import { describe, expect, it, vi } from "vitest"
import { openBulkProducer } from "../../src/kafka/bulk-producer.ts"
import { asked, KafkaError } from "../../src/kafka/configuration.ts"
import { givenKafka, givenPublisher, settled } from "./given-kafka.ts"

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

const given = givenKafka()

const timeout = 10_000

/** What only tests do to topics. */
const withClient = async (work: (client: kafka.IAdminClient) => Promise<unknown>): Promise<void> => {
  const client = kafka.AdminClient.create({ "bootstrap.servers": given.connection.brokers })
  await work(client).finally(() => client.disconnect())
}

const deleteTopic = (topic: string) =>
  withClient((client) =>
    asked<void>("deleting", (done) => client.deleteTopic(topic, timeout, (error) => done(error, undefined))),
  )

const deleteBefore = (topic: string, offset: number) =>
  withClient((client) =>
    asked("deleting records", (done) =>
      client.deleteRecords([{ topic, partition: 0, offset }], { timeout }, done as never),
    ),
  )

const send = async (topic: string, partition: number, count: number): Promise<void> => {
  const producer = await openBulkProducer(given.connection)
  await producer.send(Array.from({ length: count }, () => ({ topic, partition, key: null, value: "x" })))
  await producer.close()
}

const boundsOf = async (topic: string) => (await given.admin().bounds([{ topic, partition: 0 }]))[0]

describe("describing topics", () => {
  it("gives their partitions, and each an id of 16 bytes that stays", async () => {
    const [one, three] = [await given.topic(1), await given.topic(3)]
    const described = await given.admin().describe([one, three])
    expect(described.map(({ name, partitions }) => [name, partitions])).toEqual([
      [one, 1],
      [three, 3],
    ])
    const ids = described.map(({ topicId }) => topicId.toString("hex"))
    expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)])
    expect(new Set(ids).size).toBe(2)
    expect(await given.admin().describe([one, three])).toEqual(described)
  })

  it("gives another id to a topic that was deleted and created again", async () => {
    const topic = await given.topic()
    const [before] = await given.admin().describe([topic])
    await deleteTopic(topic)
    await given.admin().create([{ name: topic, partitions: 1 }])
    const [after] = await given.admin().describe([topic])
    expect(after?.topicId.equals(before?.topicId ?? Buffer.alloc(0))).toBe(false)
  })

  it("says which topic is missing and what to do", async () => {
    const asking = given.admin().describe([await given.topic(), "nobody-made-it"])
    await expect(asking).rejects.toThrow(
      /topic nobody-made-it cannot be described; create it, or correct the name: /,
    )
    await expect(asking).rejects.toBeInstanceOf(KafkaError)
  })
})

describe("the bounds of a partition", () => {
  it("are 0 while it is empty, and grow with what is sent", async () => {
    const topic = await given.topic(2)
    expect(await boundsOf(topic)).toEqual({ earliest: 0, end: 0 })
    await send(topic, 0, 5)
    expect(
      await given.admin().bounds([
        { topic, partition: 1 },
        { topic, partition: 0 },
      ]),
    ).toEqual([
      { earliest: 0, end: 0 },
      { earliest: 0, end: 5 },
    ])
  })

  it("begin after what Kafka no longer holds", async () => {
    const topic = await given.topic()
    await send(topic, 0, 5)
    await deleteBefore(topic, 3)
    expect(await boundsOf(topic)).toEqual({ earliest: 3, end: 5 })
  })

  it("end after the marker of a transaction", async () => {
    const topic = await given.topic()
    const publisher = await givenPublisher(given.connection, "bounds")
    await publisher.publish([{ topic, key: "k", value: "x" }])
    await settled(given, topic)
    expect(await boundsOf(topic)).toEqual({ earliest: 0, end: 2 })
  })

  it("are refused for a topic or a partition that does not exist", async () => {
    const topic = await given.topic()
    await expect(given.admin().bounds([{ topic, partition: 7 }])).rejects.toBeInstanceOf(KafkaError)
    await expect(given.admin().bounds([{ topic: "nobody-made-it", partition: 0 }])).rejects.toBeInstanceOf(
      KafkaError,
    )
  })
})

describe("creating topics", () => {
  it("leaves those that exist as they are", async () => {
    const topic = await given.topic(2)
    await send(topic, 0, 1)
    await given.admin().create([
      { name: topic, partitions: 5 },
      { name: "made-now", partitions: 3 },
    ])
    const described = await given.admin().describe([topic, "made-now"])
    expect(described.map(({ partitions }) => partitions)).toEqual([2, 3])
    expect(await boundsOf(topic)).toEqual({ earliest: 0, end: 1 })
  })

  it("says what Kafka refuses", async () => {
    await expect(given.admin().create([{ name: "no/such/name", partitions: 1 }])).rejects.toThrow(
      /creating a topic/,
    )
  })
})
