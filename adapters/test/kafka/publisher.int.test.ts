import { randomBytes } from "node:crypto"
import { describe, expect, it, vi } from "vitest"
import { openBulkProducer } from "../../src/kafka/bulk-producer.ts"
import { Fenced, openPublisher, PublishUncertain } from "../../src/kafka/publisher.ts"
import { crashInTransaction } from "./crash.ts"
import { committedValues, givenKafka, givenPublisher, readCommitted, settled } from "./given-kafka.ts"

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

const given = givenKafka()

const messages = (topic: string, ...values: ReadonlyArray<string>) =>
  values.map((value) => ({ topic, key: "key", value }))

/** What a rejected call says. */
const failure = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "it was not rejected",
    (error: unknown) => error,
  )

describe("a publisher", () => {
  it("publishes a batch over several topics, in order, with keys and exact text", async () => {
    const [one, two] = [await given.topic(), await given.topic(3)]
    const publisher = await givenPublisher(given.connection, "whole")
    await publisher.publish([...messages(one, "a", "é😀", "c"), ...messages(two, "x", "y")])
    await publisher.publish(messages(one, "d"))
    await settled(given, one)
    expect(await committedValues(given, one)).toEqual(["a", "é😀", "c", "d"])
    await settled(given, two)
    const read = await readCommitted(given, two)
    expect(read.map(({ key, value }) => [String(key), String(value)])).toEqual([
      ["key", "x"],
      ["key", "y"],
    ])
  })

  it("puts a key into the partition where every other producer puts it", async () => {
    const topic = await given.topic(8)
    const keys = Array.from({ length: 40 }, (_, index) => `bitcoin:bcrt1q${index}`)
    const publisher = await givenPublisher(given.connection, "keys")
    await publisher.publish(keys.map((key) => ({ topic, key, value: "published" })))
    const bulk = await openBulkProducer(given.connection)
    await bulk.send(keys.map((key) => ({ topic, key, value: "sent" })))
    await bulk.close()
    await settled(given, topic)
    const places = new Map<string, Set<number>>()
    for (const { key, partition } of await readCommitted(given, topic))
      places.set(String(key), (places.get(String(key)) ?? new Set()).add(partition))
    expect([...places.values()].map(({ size }) => size)).toEqual(keys.map(() => 1))
    // As Kafka's own Java client places it: its order of a key's events must hold across all who write.
    expect([...(places.get("bitcoin:bcrt1q0") ?? [])]).toEqual([murmur2("bitcoin:bcrt1q0") % 8])
  })

  it("finishes what it is publishing before it closes: the client would end the process", async () => {
    const topic = await given.topic()
    const values = Array.from({ length: 20 }, (_, index) => String(index))
    for (const value of values) {
      const publisher = await givenPublisher(given.connection, "closed under way")
      const publishing = publisher.publish(messages(topic, value))
      await publisher.close()
      await publishing
    }
    await settled(given, topic)
    expect(await committedValues(given, topic)).toEqual(values)
  })

  it("publishes nothing of a batch of which one message is refused, and works again when opened", async () => {
    const topic = await given.topic()
    const publisher = await givenPublisher(given.connection, "refused")
    await publisher.publish(messages(topic, "before"))
    const batch = messages(topic, "first", "x".repeat(2_000_000), "last")
    const error = await failure(publisher.publish(batch))
    expect(error).toBeInstanceOf(PublishUncertain)
    expect(String(error)).toMatch(new RegExp(`producing to ${topic}.*too large`, "i"))
    expect(String(await failure(publisher.publish(messages(topic, "closed"))))).toContain(
      "open the publisher",
    )
    await publisher.open()
    await publisher.publish(messages(topic, "after"))
    await settled(given, topic)
    expect(await committedValues(given, topic)).toEqual(["before", "after"])
  })

  it("is fenced by a second one with its transactional id, which alone goes on", async () => {
    const topic = await given.topic()
    const first = await givenPublisher(given.connection, "one-of-two")
    await first.publish(messages(topic, "first"))
    const second = await givenPublisher(given.connection, "one-of-two")
    const error = await failure(first.publish(messages(topic, "first, too late")))
    expect(error).toBeInstanceOf(Fenced)
    expect(String(error)).toMatch(
      /another instance now holds the transactional id one-of-two; this one must end/,
    )
    await second.publish(messages(topic, "second"))
    await second.publish(messages(topic, "second again"))
    await settled(given, topic)
    expect(await committedValues(given, topic)).toEqual(["first", "second", "second again"])
  })

  it("is not fenced by one with another transactional id", async () => {
    const topic = await given.topic()
    const first = await givenPublisher(given.connection, "mine")
    const second = await givenPublisher(given.connection, "yours")
    await Promise.all([first.publish(messages(topic, "mine")), second.publish(messages(topic, "yours"))])
    await settled(given, topic)
    expect([...(await committedValues(given, topic))].sort()).toEqual(["mine", "yours"])
  })

  it("aborts at its opening what an earlier one left open when it crashed", async () => {
    const topic = await given.topic()
    await crashInTransaction(given.connection, "crashing", messages(topic, "crashed 1", "crashed 2"))
    const [held] = await given.admin().bounds([{ topic, partition: 0 }])
    expect(held).toEqual({ earliest: 0, end: 0 })
    const publisher = await givenPublisher(given.connection, "crashing")
    await publisher.publish(messages(topic, "after the crash"))
    await settled(given, topic)
    expect(await committedValues(given, topic)).toEqual(["after the crash"])
    await settled(given, topic)
    const [freed] = await given.admin().bounds([{ topic, partition: 0 }])
    // Two crashed messages and the marker of their end, one message and its marker.
    expect(freed).toEqual({ earliest: 0, end: 5 })
  })

  it("publishes nothing before it is opened or after it is closed", async () => {
    const topic = await given.topic()
    const publisher = openPublisher(given.connection, "closed")
    expect(await failure(publisher.publish(messages(topic, "x")))).toBeInstanceOf(PublishUncertain)
    await publisher.open()
    await publisher.close()
    await publisher.close()
    expect(await failure(publisher.publish(messages(topic, "x")))).toBeInstanceOf(PublishUncertain)
    await settled(given, topic)
    expect(await committedValues(given, topic)).toEqual([])
  })

  it("says which topics a batch was for that the broker refused, and publishes nothing of it", async () => {
    const topic = await given.topic()
    const small = await given.topic(1, { "max.message.bytes": "1000" })
    const publisher = await givenPublisher(given.connection, "refusing-broker")
    const large = randomBytes(2_000).toString("base64")
    const error = await failure(publisher.publish([...messages(topic, "x"), ...messages(small, large)]))
    expect(error).toBeInstanceOf(PublishUncertain)
    expect(String(error)).toContain(`committing to ${topic}, ${small} (do they exist`)
    await publisher.open()
    await publisher.publish(messages(topic, "y"))
    await settled(given, topic)
    expect(await committedValues(given, topic)).toEqual(["y"])
  })

  it("once open, lets readers see all that was committed under its transactional id before", async () => {
    const topic = await given.topic(4)
    const published: string[] = []
    for (let round = 0; round < 6; round++) {
      const publisher = await givenPublisher(given.connection, "restarting")
      // Nothing is waited for: whoever restarts reads to the end at once, and decides on what it finds.
      expect([...(await committedValues(given, topic))].sort()).toEqual([...published].sort())
      const batch = Array.from({ length: 8 }, (_, index) => ({
        topic,
        key: `key ${index}`,
        value: `${round}/${index}`,
      }))
      await publisher.publish(batch)
      published.push(...batch.map(({ value }) => value))
    }
  })

  it("says that it could not be opened", async () => {
    const publisher = openPublisher({ ...given.connection, clientId: "x" }, "")
    const error = await failure(publisher.open())
    expect(error).toBeInstanceOf(PublishUncertain)
    expect(String(error)).toContain("could not be opened")
  })
})

/** The hash by which Kafka's Java client chooses a partition, positive. */
const murmur2 = (text: string): number => {
  const data = Buffer.from(text)
  const m = 0x5bd1e995
  let h = 0x9747b28c ^ data.length
  let at = 0
  for (; at + 4 <= data.length; at += 4) {
    let k = Math.imul(data.readInt32LE(at), m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = data.length - at
  if (rest === 3) h ^= (data[at + 2] ?? 0) << 16
  if (rest >= 2) h ^= (data[at + 1] ?? 0) << 8
  if (rest >= 1) h = Math.imul(h ^ (data[at] ?? 0), m)
  h = Math.imul(h ^ (h >>> 13), m)
  return (h ^ (h >>> 15)) & 0x7fffffff
}
