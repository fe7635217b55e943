import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { describe, expect, it } from "vitest"
import type { Actor } from "../../src/dead-letters/acts.ts"
import { dismissLetters } from "../../src/dead-letters/dismiss.ts"
import { readLetters } from "../../src/dead-letters/letter.ts"
import {
  countOpen,
  type LetterFilter,
  listActs,
  listDegraded,
  listLetters,
} from "../../src/dead-letters/list.ts"
import type { LetterPlace } from "../../src/dead-letters/place.ts"
import { retryLetters } from "../../src/dead-letters/retry.ts"
import { givenPostgres, plainClient } from "../postgres/given-postgres.ts"
import { type GivenLog, givenLog, type Sent } from "./given-letters.ts"

const postgres = givenPostgres()
const actor: Actor = { by: "ada", why: "it was a test message" }
const everything: LetterFilter = { topic: null, key: null, state: null }

const price = (second: number, pair: string): MarketPrice => {
  const observed_at = timestamp(Date.UTC(2026, 0, 1) + second * 1000)
  const price_event_id = priceEventId(pair, "kraken", observed_at)
  return { price_event_id, pair, price: "1", source: "kraken", observed_at }
}

const unread = (offset: number, pair = "BTC/EURe"): Sent => ({
  record: price(offset, pair),
  offset,
  readable: false,
})

const at = (offset: number): LetterPlace => ({ topic: marketPriceTopic.name, partition: 0, offset })

let databases = 0
const givenLetters = async (...letters: ReadonlyArray<Sent>): Promise<GivenLog> => {
  const log = await givenLog(await postgres.createDatabase(`settle_${databases++}`), marketPriceTopic)
  await log.deliver(letters)
  return log
}

const listed = (log: GivenLog, filter: Partial<LetterFilter> = {}) =>
  log.auditor.transaction((transaction) => listLetters(transaction, { ...everything, ...filter }, null, 100))

const states = async (log: GivenLog): Promise<ReadonlyArray<string>> =>
  (await listed(log)).map(({ kafka_offset, state }) => `${kafka_offset} ${state}`)

const standing = (log: GivenLog) =>
  log.auditor.transaction(async (transaction) => ({
    degraded: await listDegraded(transaction, 10),
    open: await countOpen(transaction),
  }))

describe("a dismissed letter", () => {
  it("no longer degrades its key, keeps its bytes, and can still be retried", async () => {
    const log = await givenLetters(unread(0), unread(1), unread(2, "EURe/BTC"))
    expect(await standing(log)).toEqual({
      degraded: [
        { topic: "ref.market_price", message_key: "BTC/EURe", dead_letters: 2 },
        { topic: "ref.market_price", message_key: "EURe/BTC", dead_letters: 1 },
      ],
      open: new Map([["ref.market_price", 3]]),
    })
    await dismissLetters(log.operator, [at(0), at(2)], actor)
    expect(await states(log)).toEqual(["2 dismissed", "1 open", "0 dismissed"])
    expect(await standing(log)).toEqual({
      degraded: [{ topic: "ref.market_price", message_key: "BTC/EURe", dead_letters: 1 }],
      open: new Map([["ref.market_price", 1]]),
    })
    await retryLetters(log.operator, [at(0)], { actor })
    expect(await states(log)).toEqual(["2 dismissed", "1 open", "0 retried"])
    expect((await standing(log)).open).toEqual(new Map([["ref.market_price", 1]]))
    const [letter] = await log.auditor.transaction((transaction) => readLetters(transaction, [at(0)]))
    expect(letter?.value?.toString()).toContain("price_event_id")
    const acts = await log.auditor.transaction((transaction) => listActs(transaction, at(0)))
    expect(acts).toMatchObject([
      {
        act_number: 1,
        act: "dismissed",
        acted_by: "ada",
        reason: "it was a test message",
        database_login: "postgres",
      },
      { act_number: 3, act: "retried" },
    ])
  })

  it("is not dismissed twice, nor is an event: then none of the letters is", async () => {
    const log = await givenLetters(unread(0), unread(1), unread(2))
    await dismissLetters(log.operator, [at(0)], actor)
    await retryLetters(log.operator, [at(1)], { actor })
    await expect(dismissLetters(log.operator, [at(0), at(2)], actor)).rejects.toThrow(
      "ref.market_price/0/0 was dismissed by ada in act 1 (it was a test message); nothing was changed",
    )
    await expect(dismissLetters(log.operator, [at(1), at(2)], actor)).rejects.toThrow(
      /0\/1 was retried by ada in act 2 .* a correction of an event is a new event/,
    )
    expect(await states(log)).toEqual(["2 open", "1 retried", "0 dismissed"])
  })

  it("is dismissed by an operator, and by no service and no auditor", async () => {
    const log = await givenLetters(unread(0))
    for (const database of [log.writer, log.auditor]) {
      await expect(dismissLetters(database, [at(0)], actor)).rejects.toThrow(/permission denied/)
      await expect(retryLetters(database, [at(0)], { actor })).rejects.toThrow(/permission denied/)
    }
    expect(await states(log)).toEqual(["0 open"])
  })
})

describe("the list of letters", () => {
  it("is filtered by topic, key and state, and goes on from any of them", async () => {
    const log = await givenLetters(unread(0), unread(1, "EURe/BTC"), unread(2), unread(3))
    await dismissLetters(log.operator, [at(2)], actor)
    const offsets = async (filter: Partial<LetterFilter>) =>
      (await listed(log, filter)).map(({ kafka_offset }) => kafka_offset)
    expect(await offsets({})).toEqual([3, 2, 1, 0])
    expect(await offsets({ key: "BTC/EURe" })).toEqual([3, 2, 0])
    expect(await offsets({ key: "BTC/EURe", state: "open" })).toEqual([3, 0])
    expect(await offsets({ state: "dismissed" })).toEqual([2])
    expect(await offsets({ topic: "ops.alert" })).toEqual([])
    const [, second] = await listed(log)
    const rest = await log.auditor.transaction((transaction) =>
      listLetters(transaction, everything, { ...at(2), ingestedAt: second?.ingested_at ?? "" }, 1),
    )
    expect(rest.map(({ kafka_offset }) => kafka_offset)).toEqual([1])
  })

  it("has keys of any bytes, long ones cut, and messages without one", async () => {
    const log = await givenLetters(unread(0))
    await plainClient(log.url)`insert into dead_letters select topic, topic_partition, n, leader_epoch,
      kafka_timestamp_ms, case n when 7 then null when 8 then '\\xff00'::bytea
        else convert_to(repeat('k', 100000), 'UTF8') end, null, null, reason, ingested_at, leaf_hash
      from dead_letters, generate_series(7, 9) as n`
    const cut = `${"k".repeat(1_024)}… of 100000 bytes`
    expect((await listed(log)).map(({ message_key }) => message_key)).toEqual([
      cut,
      "\\377\\000",
      null,
      "BTC/EURe",
    ])
    const { degraded } = await standing(log)
    expect(degraded.map(({ message_key }) => message_key)).toEqual(["BTC/EURe", cut, "\\377\\000", null])
  })
})
