import { createHash } from "node:crypto"
import { recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { historyOf } from "@landfall/projections/testing/generators"
import { until } from "@landfall/sandbox/until"
import fc from "fast-check"
import { describe, expect, it, onTestFinished } from "vitest"
import { startCommitSwallower } from "./commit-swallower.ts"
import { givenHouse, givenParts } from "./given-parts.ts"
import { givenWriter, untilRead } from "./given-writer.ts"
import { checkInvariants } from "./invariants.ts"
import { type Outgoing, send, sendInTransaction } from "./kafka-tools.ts"
import { goldenBytes, poisonOf, priceMessage, priceOf, prices } from "./messages.ts"

const parts = givenParts()
const marketPrices = marketPriceTopic.name

describe("evidence", () => {
  it("keeps the golden record of every topic with its exact bytes, key, headers, time and typed columns", async () => {
    const house = await givenHouse(parts())
    const timestampMs = Date.UTC(2026, 0, 1, 9, 30)
    const headers = [
      { trace: Buffer.from("01-ab") },
      { trace: Buffer.from([0, 255]) },
      { empty: Buffer.alloc(0) },
    ]
    await send(
      house.brokers,
      topics.map(({ name }) => ({
        topic: name,
        key: `key of ${name} ✓`,
        value: goldenBytes(name),
        headers,
        timestampMs,
      })),
    )
    await givenWriter(house)
    await untilRead(house, topics.length)
    for (const topic of topics) {
      const [row] = await house.sql`
        select *, convert_to(payload, 'UTF8') as bytes from ${house.sql(topic.evidenceTable)}`
      const golden = goldenBytes(topic.name)
      const record = JSON.parse(golden.toString("utf8")) as Record<string, unknown>
      expect(row).toMatchObject({
        bytes: golden,
        event_id: record[topic.id],
        message_key: Buffer.from(`key of ${topic.name} ✓`),
        kafka_timestamp_ms: String(timestampMs),
      })
      expect(row?.["message_headers"].toString("latin1")).toBe(
        "\0\0\0\x05trace\0\0\0\x0501-ab\0\0\0\x05trace\0\0\0\x02\x00\xff\0\0\0\x05empty\0\0\0\0",
      )
      for (const name of Object.keys(topic.columns)) {
        const kept: unknown = row?.[name]
        expect(kept instanceof Date ? kept.toISOString() : kept, name).toEqual(record[name] ?? null)
      }
    }
    expect(await checkInvariants(house)).toEqual({ evidence: topics.length, duplicates: 0, deadLetters: 0 })
  })

  it("is what was sent, and the snapshots its fold, for histories of all topics, also over a restart", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const seed = Date.now() % 1_000_000
    console.log(`histories with seed ${seed}`)
    const messages = topics.flatMap((topic): Outgoing[] => {
      const encode = recordEncoder(topic)
      return fc
        .sample(historyOf(topic.name), { seed, numRuns: 40 })
        .flat()
        .map((record) => ({ topic: topic.name, key: topic.key(record), value: encode(record) }))
    })
    const half = Math.floor(messages.length / 2)
    await send(house.brokers, messages.slice(0, half))
    const first = await givenWriter(house)
    await untilRead(house, half)
    await first.stop()
    await send(house.brokers, messages.slice(half))
    await givenWriter(house)
    await untilRead(house, messages.length)
    const totals = await checkInvariants(house)
    expect(totals.evidence).toBeGreaterThan(topics.length)
  })

  it("keeps times and numbers at the ends of their ranges exactly", async () => {
    const house = await givenHouse(parts())
    const extremes = [
      priceOf(0, { pair: "FIRST/YEAR", observed_at: timestamp(-62_135_596_800_000 + 1) }),
      priceOf(0, { pair: "LAST/YEAR", observed_at: timestamp(Date.UTC(9999, 11, 31, 23, 59, 59, 999)) }),
      priceOf(0, { pair: "OLD/EURe", observed_at: timestamp(Date.UTC(1700, 1, 1, 1, 1, 1, 111)) }),
      priceOf(0, { pair: "TINY/EURe", price: `0.${"0".repeat(60)}1` }),
      priceOf(0, { pair: "HUGE/EURe", price: "9".repeat(64) }),
    ]
    await send(
      house.brokers,
      extremes.map((price) => priceMessage(price)),
    )
    await givenWriter(house)
    await untilRead(house, extremes.length)
    expect(await checkInvariants(house)).toMatchObject({ evidence: extremes.length })
  })

  it("shows an event in the snapshot soon after it was sent", async () => {
    const house = await givenHouse(parts())
    await send(house.brokers, prices(0, 1))
    await givenWriter(house)
    await untilRead(house, 1)
    await send(house.brokers, prices(1, 2))
    const sentMs = performance.now()
    await until("the snapshot shows the price", async () => {
      const [row] = await house.sql`select price::text from market_price_snapshot where row_key = 'BTC/EURe'`
      return row?.["price"] === "60001.5" ? true : null
    })
    expect(performance.now() - sentMs).toBeLessThan(3_000)
  })
})

describe("the same event again", () => {
  it("is kept once and listed as a duplicate: in one batch, in a later one, after a restart, in another partition", async () => {
    const house = await givenHouse(parts())
    const message = priceMessage(priceOf(1), { partition: 0 })
    await send(house.brokers, [message, message])
    const first = await givenWriter(house)
    await untilRead(house, 2)
    await send(house.brokers, [message])
    await untilRead(house, 3)
    await first.stop()
    await send(house.brokers, [message])
    await givenWriter(house)
    await untilRead(house, 4)
    await send(house.brokers, [{ ...message, partition: 1 }])
    await untilRead(house, 5)
    const repeats = await house.sql`
      select topic_partition, kafka_offset::integer from duplicate_deliveries order by topic_partition, kafka_offset`
    expect(repeats.map((row) => [row["topic_partition"], row["kafka_offset"]])).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 0],
    ])
    expect(await checkInvariants(house)).toEqual({ evidence: 1, duplicates: 4, deadLetters: 0 })
  })

  it("with other content is a dead letter, in the same batch and later, and what is kept stays", async () => {
    const house = await givenHouse(parts())
    const kept = priceOf(1)
    const other = priceMessage({ ...kept, price: "1" }, { partition: 0 })
    await send(house.brokers, [priceMessage(kept, { partition: 0 }), other])
    await givenWriter(house)
    await untilRead(house, 2)
    await send(house.brokers, [{ ...other, partition: 1 }])
    await untilRead(house, 3)
    const letters = await house.sql`select reason from dead_letters`
    expect(letters.map((row) => row["reason"])).toEqual(
      Array.from(
        { length: 2 },
        () => `price_event_id ${kept.price_event_id} is already kept with other content`,
      ),
    )
    expect(await checkInvariants(house)).toEqual({ evidence: 1, duplicates: 0, deadLetters: 2 })
  })
})

describe("a message that cannot be read", () => {
  const price = JSON.stringify(priceOf(7))
  const poison: ReadonlyArray<readonly [string, Buffer | string | null, RegExp]> = [
    ["no value", null, /no value/],
    ["an empty value", "", /not UTF-8 JSON/],
    ["invalid UTF-8", Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), /not UTF-8 JSON/],
    ["bytes from zero to 255", Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), /not UTF-8 JSON/],
    ["no JSON", "<html>502 Bad Gateway</html>", /not UTF-8 JSON/],
    ["half a record", price.slice(0, 40), /not UTF-8 JSON/],
    ["a list", `[${price}]`, /xpected object/],
    ["a missing field", price.replace('"pair"', '"pear"'), /pair/],
    ["a number for a text", price.replace('"60007.5"', "60007.5"), /price/],
    ["an amount with an exponent", price.replace('"60007.5"', '"6e4"'), /decimal/],
    ["an id that is none", price.replace(/"price_event_id":"[^"]+"/, '"price_event_id":"1"'), /UUID/],
    ["a NUL in a text", price.replace("BTC/", "B\\u0000TC/"), /pair/],
    ["half a surrogate pair", price.replace("BTC/", "\\ud800/"), /pair/],
    ["a time without a zone", price.replace(".000Z", ""), /observed_at/],
    ["deep nesting", "[".repeat(50_000) + "]".repeat(50_000), /xpected object/],
    ["a prototype for fields", `{"__proto__":${price}}`, /Missing key|price_event_id/],
    ["more than 1 MiB", `${price.slice(0, -1)},"pad":"${"x".repeat(1_100_000)}"}`, /more than 1048576/],
  ]

  it("becomes a dead letter with its bytes and the reason, and the partition goes on", async () => {
    const house = await givenHouse(parts())
    const messages = poison.map(([what, value]) => ({ topic: marketPrices, partition: 0, key: what, value }))
    await send(house.brokers, [...prices(0, 1), ...messages, ...prices(1, 2)])
    await givenWriter(house)
    await untilRead(house, poison.length + 2)
    const letters = await house.sql`
      select convert_from(message_key, 'UTF8') as what, message_value, reason from dead_letters order by kafka_offset`
    expect(letters.map((row) => row["what"])).toEqual(poison.map(([what]) => what))
    for (const [index, [what, value, reason]] of poison.entries()) {
      expect(letters[index]?.["reason"], what).toMatch(reason)
      expect(letters[index]?.["message_value"], what).toEqual(value === null ? null : Buffer.from(value))
    }
    expect(await checkInvariants(house)).toEqual({ evidence: 2, duplicates: 0, deadLetters: poison.length })
  })

  it("becomes one in every topic, the shapes of other topics and 10 MB among them, and all go on", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const poisoned = topics.flatMap((topic) =>
      poisonOf(topic.name).map(([what, value]) => ({ topic: topic.name, key: what, value })),
    )
    const goldens = topics.map(({ name }) => ({ topic: name, key: name, value: goldenBytes(name) }))
    await send(house.brokers, [...goldens, ...poisoned, ...goldens])
    await givenWriter(house)
    await untilRead(house, poisoned.length + 2 * goldens.length)
    const letters =
      await house.sql`select topic, convert_from(message_key, 'UTF8') as what, length(reason) as words,
      encode(sha256(message_value), 'hex') as sha256 from dead_letters order by kafka_offset`
    const kept = (topic: string) =>
      letters.filter((row) => row["topic"] === topic).map((row) => `${row["what"]} ${row["sha256"]}`)
    const sent = (topic: string) =>
      poisonOf(topic).map(([what, value]) => `${what} ${createHash("sha256").update(value).digest("hex")}`)
    for (const { name } of topics) expect([name, ...kept(name)]).toEqual([name, ...sent(name)])
    for (const row of letters) expect(row["words"]).toBeLessThanOrEqual(2_001)
    const counts = { evidence: topics.length, duplicates: topics.length, deadLetters: poisoned.length }
    expect(await checkInvariants(house)).toEqual(counts)
  })

  it("may have a key of any length and bytes, no key, and headers of odd names", async () => {
    const house = await givenHouse(parts())
    const odd = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 251))
    const keys = [odd, Buffer.alloc(0), Buffer.from([0xff, 0x00]), null]
    const named = (name: string, value: Buffer) => Object.fromEntries([[name, value]])
    const headers = [
      named("__proto__", Buffer.from("polluted")),
      named("constructor", Buffer.from("x")),
      named("", Buffer.from("nameless")),
      named("7", Buffer.alloc(0)),
    ]
    await send(house.brokers, [
      ...keys.map((key) => ({ topic: marketPrices, partition: 0, key, value: "poison", headers })),
      priceMessage(priceOf(1), { partition: 0, key: odd, headers }),
    ])
    await givenWriter(house)
    await untilRead(house, keys.length + 1)
    const letters =
      await house.sql`select message_key, message_headers from dead_letters order by kafka_offset`
    expect(letters.map((row) => row["message_key"])).toEqual(keys)
    for (const row of letters)
      expect(row["message_headers"].toString("latin1")).toContain("\0\0\0\x09__proto__\0\0\0\x08polluted")
    expect(await checkInvariants(house)).toEqual({ evidence: 1, duplicates: 0, deadLetters: keys.length })
  })

  it("may claim any time that the broker let pass", async () => {
    const house = await givenHouse(parts(), {
      topicConfig: { "message.timestamp.after.max.ms": "9223372036854775807" },
    })
    const times = [1, 2 ** 41, Number.MAX_SAFE_INTEGER, 2 ** 62]
    await send(
      house.brokers,
      times.map((timestampMs, index) => priceMessage(priceOf(index), { partition: 0, timestampMs })),
    )
    await givenWriter(house)
    await untilRead(house, times.length)
    expect(await checkInvariants(house)).toMatchObject({ deadLetters: 0 })
  })

  it("does not stop at fields that nobody knows", async () => {
    const house = await givenHouse(parts())
    const value = `{"future":{"__proto__":1,"nul":"\\u0000"},"constructor":[],${price.slice(1)}`
    await send(house.brokers, [{ topic: marketPrices, partition: 0, key: "k", value }])
    await givenWriter(house)
    await untilRead(house, 1)
    const [row] = await house.sql`select payload from market_prices`
    expect(row?.["payload"]).toBe(value)
    await checkInvariants(house)
  })
})

describe("Kafka's transactions", () => {
  it("leave markers and aborted messages in the log that disturb neither offsets nor lag", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const given = await givenWriter(house)
    await sendInTransaction(house.brokers, prices(0, 3), "commit")
    await sendInTransaction(house.brokers, prices(100, 103), "abort")
    await sendInTransaction(house.brokers, prices(3, 5), "commit")
    await sendInTransaction(house.brokers, prices(200, 201), "abort")
    await untilRead(house, 5)
    // 3 messages and a marker, 3 and a marker, 2 and a marker, 1 and a marker: 13 offsets.
    const status = () => given.writer.partitions().find(({ topic }) => topic === marketPrices)
    await until(
      "the end is reached",
      () => (status()?.end_offset === 13 && status()?.lag === 0 ? true : null),
      { standing: status },
    )
    expect(status()).toMatchObject({ next_offset: 10, end_offset: 13, lag: 0, evidence: 5 })
    const offsets =
      await house.sql`select kafka_offset::integer as at from market_prices order by kafka_offset`
    expect(offsets.map((row) => row["at"])).toEqual([0, 1, 2, 8, 9])
    expect(await checkInvariants(house)).toEqual({ evidence: 5, duplicates: 0, deadLetters: 0 })
  })

  it("are read over again from the last message, past markers, after a restart", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    await sendInTransaction(house.brokers, prices(0, 3), "commit")
    await sendInTransaction(house.brokers, prices(100, 103), "abort")
    const first = await givenWriter(house)
    await untilRead(house, 3)
    await first.stop()
    await sendInTransaction(house.brokers, prices(3, 5), "commit")
    const second = await givenWriter(house)
    await untilRead(house, 5)
    expect(second.events.filter(({ type }) => type === "retrying")).toEqual([])
    expect(await checkInvariants(house)).toEqual({ evidence: 5, duplicates: 0, deadLetters: 0 })
  })
})

describe("a batch", () => {
  it("is bounded in messages and in bytes, however much waits in Kafka", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const pad = "x".repeat(20_000)
    const padded = Array.from({ length: 300 }, (_, nth) => {
      const message = priceMessage(priceOf(nth), { partition: 0 })
      return { ...message, value: `${message.value.slice(0, -1)},"pad":"${pad}"}` }
    })
    await send(house.brokers, padded)
    const { events } = await givenWriter(house, {
      limits: { portionMessagesMax: 5, batchMessagesMax: 100, batchBytesMax: 200_000 },
    })
    await untilRead(house, padded.length)
    const sizes = events.flatMap((event) => (event.type === "written" ? event.ingested.evidence : []))
    // Ten of them are 200,000 bytes; one portion of five more may have been read already.
    expect(Math.max(...sizes)).toBeLessThanOrEqual(15)
    await checkInvariants(house)
  })

  it("that takes too long is tried again in smaller pieces", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    await house.sql.unsafe(`
      create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.002); return new; end';
      create trigger slow before insert on market_prices for each row execute function slow()`)
    await send(house.brokers, prices(0, 500))
    const { events } = await givenWriter(house, { deadlineMs: 700 })
    await untilRead(house, 500)
    expect(events.some(({ type }) => type === "retrying")).toBe(true)
    expect(await checkInvariants(house)).toMatchObject({ evidence: 500 })
  })
})

describe("a COMMIT that is never answered", () => {
  it("is given up at the deadline, and the checkpoint tells that it happened", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const proxy = await startCommitSwallower(parts().postgres.port, 4, "silence")
    onTestFinished(() => proxy.close())
    const url = new URL(house.url)
    url.port = String(proxy.port)
    await send(house.brokers, prices(0, 10))
    const { events } = await givenWriter(house, { url: url.href, deadlineMs: 800 })
    for (let from = 10; from < 50; from += 10) {
      await send(house.brokers, prices(from, from + 10))
      await untilRead(house, from + 10)
    }
    await until("an answer was missed", () => (events.some(({ type }) => type === "retrying") ? true : null))
    await send(house.brokers, prices(50, 60))
    await untilRead(house, 60)
    expect(proxy.swallowed()).toBeGreaterThan(0)
    expect(await checkInvariants(house)).toEqual({ evidence: 60, duplicates: 0, deadLetters: 0 })
  })
})
