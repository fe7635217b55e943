import kafka from "@confluentinc/kafka-javascript"
import { recordEncoder } from "@landfall/domain/codec"
import { type MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import { historyOf } from "@landfall/projections/testing/generators"
import { createTopics } from "@landfall/setup/parts/topics"
import fc from "fast-check"
import { beforeAll, describe, expect, it, vi } from "vitest"
import { asked } from "../../src/kafka/configuration.ts"
import { openPublisher } from "../../src/kafka/publisher.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { openDatabase } from "../../src/postgres/transaction.ts"
import { readTopic, topicExtents } from "../../src/replay/read-topic.ts"
import { differenceLine } from "../../src/verify/findings.ts"
import { verifyRecord } from "../../src/verify/verify-record.ts"
import { givenKafka } from "../kafka/given-kafka.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"
import { type Copies, copiesOf, makeConsistent, tamper, write } from "./given-record.ts"

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

const given = givenKafka()
const postgres = givenPostgres()
const topic = marketPriceTopic
const table = topic.evidenceTable
let topicId: Buffer
let copies: Pick<Copies, "copy">
/** What Kafka has of the topic: messages and, where there is none, transaction markers. */
let offsets: ReadonlyArray<number>
let end = 0

const source = () => ({ kafka: given.connection, admin: given.admin() })

beforeAll(async () => {
  await createTopics(given.connection.brokers, [{ topic: topic.name, partitions: 1, config: {} }])
  await given.admin().create([{ name: topic.name, partitions: 1 }])
  const records = fc.sample(historyOf(topic.name), { numRuns: 6, seed: 20_261_123 }).flat()
  const encode = recordEncoder(topic)
  const prices = records as ReadonlyArray<MarketPrice>
  const unique = new Map(prices.map((record) => [record.price_event_id, encode(record)]))
  const values = [...unique.values()].slice(0, 20)
  expect(values).toHaveLength(20)
  const publisher = openPublisher(given.connection, "prices")
  await publisher.open()
  const [first = ""] = values
  // Four transactions, each with a marker at its end; one message is no record, and one comes twice.
  for (const part of [
    values.slice(0, 5),
    [...values.slice(5, 10), "{ no record"],
    [first, ...values.slice(10, 15)],
    values.slice(15),
  ])
    await publisher.publish(part.map((value) => ({ topic: topic.name, key: "key", value })))
  await publisher.close()
  const [described] = await given.admin().describe([topic.name])
  topicId = described?.topicId as Buffer
  let extents = await topicExtents(given.admin(), topic.name)
  while (extents[0]?.end !== 26) extents = await topicExtents(given.admin(), topic.name)
  const messages = []
  for await (const portion of readTopic(source(), topic.name, [{ partition: 0, start: 0, end: 26 }]))
    messages.push(...portion)
  offsets = messages.map(({ offset }) => offset)
  end = (offsets.at(-1) ?? 0) + 1
  const database = openDatabase(await postgres.createDatabase("prices"), { applicationName: "prices" })
  await migrate(database)
  await write(database, topic, messages, topicId)
  await database.close()
  copies = copiesOf(postgres, "prices")
})

const linesOf = async (
  change: string,
  of: typeof table | "duplicate_deliveries" | "dead_letters" = table,
) => {
  const { database } = await copies.copy()
  await tamper(database, of, change)
  await makeConsistent(database, table, topic.name, topicId)
  const alone = await verifyRecord(database)
  const { differences } = await verifyRecord(database, { kafka: source() })
  return {
    alone: alone.differences
      .filter(({ subject }) => subject === "log" || subject === "row")
      .map(differenceLine),
    lines: differences
      .filter(({ subject }) => subject === "topic" || subject === "duplicate")
      .map(differenceLine),
  }
}

describe("evidence against the topic", () => {
  it("is the same, and Kafka explains every gap: a marker takes an offset", async () => {
    const { database } = await copies.copy()
    const markers = Array.from({ length: end }, (_, offset) => offset).filter(
      (offset) => !offsets.includes(offset),
    )
    expect(markers).toHaveLength(3)
    expect(await verifyRecord(database)).toMatchObject({ differences: [], gapCount: 3, gapOffsets: 3 })
    const found = await verifyRecord(database, { kafka: source() })
    expect(found).toMatchObject({ differences: [], gapCount: 0, notes: [], deadLetters: 1, duplicates: 1 })
    expect(found.logs.find(({ log }) => log === "ref.market_price/0")?.compared).toEqual({ from: 0, to: end })
  })

  it.each([
    [
      "a changed row",
      `update ${table} set kafka_timestamp_ms = 1 where kafka_offset = 3`,
      /^ref\.market_price\/0\/3: what is recorded is not the message that Kafka has/,
    ],
    [
      "a deleted row",
      `delete from ${table} where kafka_offset = 3`,
      /^ref\.market_price\/0\/3: Kafka has a message here, and it is recorded nowhere/,
    ],
    [
      "a row inserted where a marker is",
      `insert into ${table} select (jsonb_populate_record(one, jsonb_build_object('kafka_offset', 5, 'event_id', gen_random_uuid()))).* from ${table} as one where kafka_offset = 3`,
      /^ref\.market_price\/0\/5: it is recorded, and Kafka, which holds the offsets around it, has no message here/,
    ],
    [
      "two rows that changed places",
      `update ${table} set kafka_offset = 1000000 where kafka_offset = 1; update ${table} set kafka_offset = 1 where kafka_offset = 2; update ${table} set kafka_offset = 2 where kafka_offset = 1000000`,
      /^ref\.market_price\/0\/1: what is recorded is not[^]*ref\.market_price\/0\/2: what is recorded is not/m,
    ],
  ])(
    "finds and names %s, though leaf hashes, root and checkpoint were made to fit",
    async (_, change, shown) => {
      const { alone, lines } = await linesOf(change)
      expect(alone.filter((line) => !line.includes("its event id"))).toEqual([])
      expect(lines.join("\n")).toMatch(shown)
    },
  )

  it("finds an event that is passed off as a duplicate of another", async () => {
    const { lines } = await linesOf(
      `insert into duplicate_deliveries select '${topic.name}', 0, 3, event_id, now() from ${table} where kafka_offset = 1;
       alter table ${table} disable trigger append_only; delete from ${table} where kafka_offset = 3;
       alter table ${table} enable always trigger append_only`,
      "duplicate_deliveries",
    )
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^ref\.market_price\/0\/3: it is recorded as repeating .*, and Kafka has other bytes here/,
      ),
    )
  })

  it("finds a letter whose bytes were changed", async () => {
    const { lines } = await linesOf("update dead_letters set message_value = 'x'", "dead_letters")
    expect(lines).toEqual([
      expect.stringMatching(/^ref\.market_price\/0\/1[0-9]: what is recorded is not the message/),
    ])
  })

  it("is compared where Kafka still has it, says what it no longer has, and leaves the gaps there unexplained", async () => {
    const client = kafka.AdminClient.create({ "bootstrap.servers": given.connection.brokers })
    try {
      await asked("deleting records", (done) =>
        client.deleteRecords(
          [{ topic: topic.name, partition: 0, offset: 8 }],
          { timeout: 10_000 },
          done as never,
        ),
      )
    } finally {
      client.disconnect()
    }
    const { database } = await copies.copy()
    const found = await verifyRecord(database, { kafka: source() })
    expect(found).toMatchObject({
      differences: [],
      gaps: [{ topic: topic.name, partition: 0, from: 5, to: 6 }],
    })
    expect(found.notes).toEqual([
      `ref.market_price/0: of the recorded offsets 0 to ${end - 1} Kafka still holds 8 to ${end - 1}; the others are checked by their Merkle log alone`,
    ])
    const before = await linesOf(`delete from ${table} where kafka_offset = 3`)
    expect(before.lines).toEqual([])
    const after = await linesOf(`delete from ${table} where kafka_offset = 9`)
    expect(after.lines).toEqual([expect.stringContaining("ref.market_price/0/9: Kafka has a message here")])
  })
})
