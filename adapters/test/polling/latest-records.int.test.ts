import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { recordEncoder } from "@landfall/domain/codec"
import { type MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import { marketPrice } from "@landfall/projections/market-price"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Admin, openAdmin } from "../../src/kafka/admin.ts"
import { openPublisher } from "../../src/kafka/publisher.ts"
import { latestRecords } from "../../src/polling/latest-records.ts"
import { price } from "./given-publisher.ts"

let folder: string
let broker: Kafka
let admin: Admin
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "landfall-latest-records-"))
  broker = await startKafka({ dir: folder })
  admin = openAdmin({ brokers: broker.brokers, clientId: "test" })
  await createTopics(broker.brokers, [{ topic: marketPriceTopic.name, partitions: 3 }])
})
afterAll(async () => {
  admin?.close()
  await broker?.kill()
  await rm(folder, { recursive: true, force: true })
})

const start_ms = Date.UTC(2026, 10, 23)
const encode = recordEncoder(marketPriceTopic)
const of = (pair: string, text: string, at_ms: number): MarketPrice => ({
  ...price(text, start_ms + at_ms),
  pair,
})
const send = async (records: ReadonlyArray<MarketPrice>): Promise<void> => {
  const publisher = openPublisher({ brokers: broker.brokers, clientId: "test" }, "test-latest-records")
  await publisher.open()
  for (const record of records)
    await publisher.publish([{ topic: marketPriceTopic.name, key: record.pair, value: encode(record) }])
  await publisher.close()
}
const latest = (keys: ReadonlyArray<string>, look_back_messages_max?: number) =>
  latestRecords({
    kafka: { brokers: broker.brokers, clientId: "test" },
    admin,
    projection: marketPrice,
    keys,
    ...(look_back_messages_max === undefined ? {} : { look_back_messages_max }),
  })

test("finds the newest committed record of each key, from the end of its topic backwards", async () => {
  expect((await latest(["BTC/EURe"])).size).toBe(0)

  await send([
    of("ETH/EURe", "2000", 0),
    of("BTC/EURe", "1", 1),
    of("BTC/EURe", "3", 3),
    of("BTC/EURe", "2", 2),
  ])
  const both = await latest(["BTC/EURe", "ETH/EURe", "GNO/EURe"])
  expect([...both.values()].map((record) => record.price).sort()).toEqual(["2000", "3"])

  // Each transaction is a record and a marker; the markers at the end are never delivered.
  await send(Array.from({ length: 200 }, (_, index) => of("BTC/EURe", String(index + 10), index + 10)))
  expect((await latest(["BTC/EURe"], 16)).get("BTC/EURe")).toMatchObject({ price: "209" })
  expect((await latest(["BTC/EURe", "ETH/EURe"])).size).toBe(2)
})
