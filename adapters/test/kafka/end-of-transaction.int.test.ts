import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { type KafkaProxy, startKafkaProxy } from "@landfall/setup/parts/kafka-proxy"
import { freePort } from "@landfall/setup/parts/ports"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { openPartitionEnds } from "../../src/alerts/partition-ends.ts"
import { type Admin, openAdmin } from "../../src/kafka/admin.ts"
import { PublishUncertain, type TransactionalPublisher } from "../../src/kafka/publisher.ts"
import { crashInTransaction } from "./crash.ts"
import { committedValues, type GivenKafka, givenPublisher, settled } from "./given-kafka.ts"

vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 })

// Whoever publishes takes a new producer after any uncertain end, reads what is there, and repeats what is not.

let dir = ""
let proxy: KafkaProxy
let broker: Kafka
let admin: Admin
let topics = 0

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-kafka-"))
  const port = await freePort()
  proxy = await startKafkaProxy(port)
  broker = await startKafka({ dir, port, advertisedPort: proxy.port })
  admin = openAdmin({ brokers: broker.brokers, clientId: "test-admin" })
})
afterAll(async () => {
  admin?.close()
  await broker?.kill()
  await proxy?.close()
  await rm(dir, { recursive: true, force: true })
})

const given = async (): Promise<GivenKafka & { readonly name: string }> => {
  const name = `topic-${++topics}`
  await createTopics(broker.brokers, [{ topic: name, partitions: 3 }])
  await admin.create([{ name, partitions: 3 }]) // waits until the broker knows it
  const kafka = {
    connection: { brokers: broker.brokers, clientId: "test" },
    admin: () => admin,
    topic: async () => name,
  }
  return { ...kafka, name }
}

/** A batch over several partitions: torn, it would be there in part. */
const batch = (topic: string, name: string) =>
  Array.from({ length: 9 }, (_, nth) => ({ topic, key: `key ${nth}`, value: `${name}/${nth}` }))

const valuesOf = (...names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.flatMap((name) => batch("", name).map(({ value }) => value)).sort()

const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "published",
    (error: unknown) => error,
  )

/** What a publisher of ours does when a publication is uncertain: takes a new producer, looks, and repeats what is missing. */
const recover = async (
  kafka: GivenKafka,
  publisher: TransactionalPublisher,
  topic: string,
  name: string,
): Promise<"was there" | "was not there"> => {
  await publisher.open()
  const there = (await committedValues(kafka, topic)).filter((value) => value.startsWith(`${name}/`))
  expect([0, batch(topic, name).length], "a torn batch").toContain(there.length)
  if (there.length > 0) return "was there"
  await publisher.publish(batch(topic, name))
  return "was not there"
}

/** Long enough for a busy machine, and short enough to be waited for. */
const timeoutMs = 3_000

describe("row 8, once: a commit", () => {
  it("of which the connection breaks before the answer is there once", async () => {
    const { name: topic, ...kafka } = await given()
    const publisher = await givenPublisher(kafka.connection, topic, timeoutMs)
    const spoilt = proxy.spoil("answer lost, connection closed")
    const said = await outcome(publisher.publish(batch(topic, "a")))
    await spoilt
    if (said !== "published") {
      expect(said).toBeInstanceOf(PublishUncertain)
      expect(await recover(kafka, publisher, topic, "a")).toBe("was there")
    }
    await publisher.publish(batch(topic, "b"))
    await settled(kafka, topic)
    expect([...(await committedValues(kafka, topic))].sort()).toEqual(valuesOf("a", "b"))
  })

  it("of which the answer never comes is uncertain when the publisher's time is over, and there once", async () => {
    const { name: topic, ...kafka } = await given()
    const publisher = await givenPublisher(kafka.connection, topic, timeoutMs)
    const spoilt = proxy.spoil("answer lost in silence")
    expect(await outcome(publisher.publish(batch(topic, "a")))).toBeInstanceOf(PublishUncertain)
    await spoilt
    expect(await recover(kafka, publisher, topic, "a")).toBe("was there")
    await publisher.publish(batch(topic, "b"))
    await settled(kafka, topic)
    expect([...(await committedValues(kafka, topic))].sort()).toEqual(valuesOf("a", "b"))
  })

  it("that reaches the broker long after it was given up ends no later transaction", async () => {
    const { name: topic, ...kafka } = await given()
    const publisher = await givenPublisher(kafka.connection, topic, timeoutMs)
    const late = proxy.spoil("request held")
    expect(await outcome(publisher.publish(batch(topic, "a")))).toBeInstanceOf(PublishUncertain)
    await late
    expect(await recover(kafka, publisher, topic, "a")).toBe("was not there")
    // A process that dies now leaves half of its batch in an open transaction of the same id: the late commit must not end it.
    const half = batch(topic, "torn").slice(0, 4)
    await crashInTransaction(kafka.connection, topic, half)
    await proxy.letGo()
    await publisher.open()
    await publisher.publish(batch(topic, "b"))
    await settled(kafka, topic)
    expect([...(await committedValues(kafka, topic))].sort()).toEqual(valuesOf("a", "b"))
  })

  it("in the midst of which the broker is killed is there once", async () => {
    const { name: topic, ...kafka } = await given()
    const publisher = await givenPublisher(kafka.connection, topic)
    const partitions = [0, 1, 2].map((partition) => ({ topic, partition }))
    const ends = openPartitionEnds(kafka.connection, partitions)
    onTestFinished(ends.close)
    const none = { [topic]: { "0": 0, "1": 0, "2": 0 } }
    expect([await ends.read(), await admin.bounds(partitions)]).toEqual([
      none,
      partitions.map(() => ({ earliest: 0, end: 0 })),
    ])
    const met = proxy.spoil("request held")
    const said = outcome(publisher.publish(batch(topic, "a")))
    await met
    await broker.kill()
    await broker.restart()
    await proxy.letGo()
    if ((await said) !== "published") {
      expect(await said).toBeInstanceOf(PublishUncertain)
      await recover(kafka, publisher, topic, "a")
    }
    await publisher.publish(batch(topic, "b"))
    await settled(kafka, topic)
    // Its partitions have other leaders' epochs now, and who asked where they end before is to be told so at once.
    const written = await ends.read()
    expect((await admin.bounds(partitions)).map(({ end }) => end)).toEqual(
      Object.values(written[topic] ?? {}),
    )
    expect([...(await committedValues(kafka, topic))].sort()).toEqual(valuesOf("a", "b"))
  })
})

it("row 8, once: an abort of which the answer is lost leaves nothing of what a process had begun before it died", async () => {
  const { name: topic, ...kafka } = await given()
  await crashInTransaction(kafka.connection, topic, batch(topic, "begun"))
  // Taking the transactional id is how we abort.
  const spoilt = proxy.spoil("answer lost, connection closed", "InitProducerId")
  const publisher = await givenPublisher(kafka.connection, topic)
  await spoilt
  await publisher.publish(batch(topic, "a"))
  await settled(kafka, topic)
  expect([...(await committedValues(kafka, topic))].sort()).toEqual(valuesOf("a"))
})
