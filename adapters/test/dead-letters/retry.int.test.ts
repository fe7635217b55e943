import { amount } from "@landfall/domain/amount"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { historyOf } from "@landfall/projections/testing/generators"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Actor } from "../../src/dead-letters/acts.ts"
import type { LetterPlace } from "../../src/dead-letters/place.ts"
import { type Retried, retryLetters } from "../../src/dead-letters/retry.ts"
import { readEvidence } from "../../src/history/evidence-source.ts"
import { SnapshotSwapped } from "../../src/history/snapshot-versions.ts"
import type { Database } from "../../src/postgres/transaction.ts"
import { verifyRecord } from "../../src/verify/verify-record.ts"
import { givenPostgres, plainClient } from "../postgres/given-postgres.ts"
import { foldOf, type GivenLog, givenLog, type Sent } from "./given-letters.ts"

const postgres = givenPostgres()
const actor: Actor = { by: "ada", why: "the reader knows the field now" }
const topic = marketPriceTopic

let databases = 0
const givenPrices = async (): Promise<GivenLog> =>
  givenLog(await postgres.createDatabase(`prices_${databases++}`), topic)

/** The price of a pair at the given second; each has an id of its own. */
const price = (second: number, changes: Partial<MarketPrice> = {}): MarketPrice => {
  const observed_at = timestamp(Date.UTC(2026, 0, 1) + second * 1000)
  const pair = changes.pair ?? "BTC/EURe"
  return {
    price_event_id: priceEventId(pair, "kraken", observed_at),
    ...{ pair, price: String(60_000 + second), source: "kraken", observed_at },
    ...changes,
  }
}

const givenTransfers = async (): Promise<GivenLog> =>
  givenLog(await postgres.createDatabase(`transfers_${databases++}`), fundingObservationTopic)

/** An observation of one transfer, whose row counts them: what is left out is missed whatever comes later. */
const seen = (revision: number): FundingObservation => {
  const tx_hash = "ab".repeat(32)
  const transfer_id = bitcoinTransferId(tx_hash, 0)
  const last_seen_at = timestamp(Date.UTC(2026, 0, 1) + revision * 1000)
  return {
    funding_observation_id: fundingObservationId(transfer_id, revision),
    ...{ transfer_id, revision, tx_hash, last_seen_at },
    ...{ account_id: "desk.near", asset_id: "btc", chain: "bitcoin", funding_handle: "bcrt1qdesk" },
    ...{ source: "bitcoind", output_index: 0, status: "seen", amount: amount(50_000n), confirmations: 0 },
    ...{ confirmations_required: 2, first_seen_at: last_seen_at, cause: "first_seen" },
    observer: { state: "ok", tip_height: 100, tip_at: last_seen_at },
  }
}

const at = (offset: number, partition = 0): LetterPlace => ({ topic: topic.name, partition, offset })

const seenAt = (offset: number, partition = 0): LetterPlace => ({
  ...at(offset, partition),
  topic: fundingObservationTopic.name,
})

const unread = (record: unknown, offset: number): Sent => ({ record, offset, readable: false })

const outcomes = ({ letters }: Retried): ReadonlyArray<string> => letters.map(({ outcome }) => outcome)

const acts = (log: GivenLog) =>
  plainClient(
    log.url,
  )`select act, acted_by, reason, outcome, database_login from dead_letter_acts order by act_number`

const offsetsKnown = (log: GivenLog, ingestedUntilMs?: number): Promise<ReadonlyArray<number>> =>
  log.auditor.transaction(async (transaction) => {
    const offsets: number[] = []
    const query = { partition: 0, ...(ingestedUntilMs === undefined ? {} : { ingestedUntilMs }) }
    for await (const page of readEvidence(transaction, topic, query))
      offsets.push(...page.map(({ offset }) => offset))
    return offsets
  })

const differences = async (log: GivenLog): Promise<ReadonlyArray<unknown>> =>
  (await verifyRecord(log.auditor)).differences

/** The database, where something happens before its nth transaction. */
const interrupted = (database: Database, nth: number, happens: () => Promise<unknown>): Database => {
  let begun = 0
  return {
    ...database,
    transaction: async (work, options) => {
      if (begun++ === nth) await happens()
      return database.transaction(work, options)
    },
  }
}

describe("a dead letter that can be read now", () => {
  it("counts as an event in its own place: the rows are as if it had been read at once", async () => {
    for (const one of topics) {
      const seed = Date.now() % 1_000_000
      const records = fc.sample(historyOf(one.name), { numRuns: 12, seed }).flat()
      // Each id once: histories are made apart and may share some.
      const ids = records.map((record) => (record as { readonly [field: string]: unknown })[one.id])
      const sent = records
        .filter((_, index) => ids.indexOf(ids[index]) === index)
        .map((record, offset): Sent => ({ record, offset, readable: offset % 4 !== 1 }))
      const log = await givenLog(await postgres.createDatabase(`any_${databases++}`), one)
      const half = Math.floor(sent.length / 2)
      await log.deliver(sent.slice(0, half))
      const unreadable = sent.filter(({ readable }) => readable === false)
      const place = ({ offset }: Sent): LetterPlace => ({ topic: one.name, partition: 0, offset })
      const early = unreadable.filter(({ offset }) => offset < half).map(place)
      // The later ones first, and one alone: the order of the acts is not that of the events.
      await retryLetters(log.operator, early.slice(1).reverse(), { actor })
      await log.deliver(sent.slice(half), await log.start())
      await retryLetters(log.operator, early.slice(0, 1), { actor })
      const late = unreadable.filter(({ offset }) => offset >= half).map(place)
      await retryLetters(log.operator, late, { actor })
      const all = sent.map(({ record }) => record)
      expect(await log.live(), `${one.name} with seed ${seed}`).toEqual(foldOf(one, all))
      expect(await differences(log), `${one.name} with seed ${seed}`).toEqual([])
    }
  })

  it("is found among the evidence at its offset, and was not known before it was retried", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(0), 0), { record: price(1), offset: 1 }, unread(price(2), 2)])
    await log.deliver([{ record: price(3), offset: 3 }, unread(price(4), 4)])
    expect(await offsetsKnown(log)).toEqual([1, 3])
    await retryLetters(log.operator, [at(0), at(2), at(4)], { actor })
    expect(await offsetsKnown(log)).toEqual([0, 1, 2, 3, 4])
    const [act] = await plainClient(log.url)<{ at: Date }[]>`select min(acted_at) as at from dead_letter_acts`
    const acted_ms = act?.at.getTime() ?? 0
    expect(await offsetsKnown(log, acted_ms - 1)).toEqual([1, 3])
    expect(await offsetsKnown(log, acted_ms)).toEqual([0, 1, 2, 3, 4])
  })

  it("shows the rows as they were and as they are, and in a dry run changes and records nothing", async () => {
    const log = await givenPrices()
    await log.deliver([{ record: price(1), offset: 0 }, unread(price(5), 1)])
    const dry = await retryLetters(log.operator, [at(1)], { actor, dryRun: true })
    expect(dry.rows).toEqual([
      { projection: "market_price", key: "BTC/EURe", change: "changed", before: price(1), after: price(5) },
    ])
    expect(await acts(log)).toEqual([])
    expect(await log.live()).toEqual(foldOf(topic, [price(1)]))
    expect(await retryLetters(log.operator, [at(1)], { actor })).toEqual(dry)
    expect(await log.live()).toEqual(foldOf(topic, [price(1), price(5)]))
  })

  it("may change nothing, because what came later counts more: that is recorded all the same", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(1), 0), { record: price(5), offset: 1 }])
    const { rows } = await retryLetters(log.operator, [at(0)], { actor })
    expect(rows.map(({ change }) => change)).toEqual(["unchanged"])
    expect(await acts(log)).toMatchObject([{ act: "retried", acted_by: "ada", database_login: "postgres" }])
    expect(await differences(log)).toEqual([])
  })
})

describe("an event's id", () => {
  it("is given once: a later delivery of a retried letter is a duplicate, and with other content a dead letter", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(1), 0)])
    await retryLetters(log.operator, [at(0)], { actor })
    const later = await log.deliver(
      [
        { record: price(1), offset: 1 },
        { record: { ...price(1), price: "1" }, offset: 2 },
      ],
      await log.start(),
    )
    expect(later).toEqual({ evidence: 0, duplicates: 1, deadLetters: 1 })
    expect(await differences(log)).toEqual([])
  })

  it("that is taken refuses the letter, and says which event has it", async () => {
    const log = await givenPrices()
    const other = { ...price(1), price: "1" }
    await log.deliver([{ record: price(1), offset: 0 }, unread(other, 1), unread(price(1), 2)])
    await log.deliver([unread(price(2), 3), unread(price(2), 4)])
    const retried = await retryLetters(log.operator, [at(1), at(2), at(3), at(4)], { actor })
    expect(retried.letters.map(({ retried: done }) => done)).toEqual([false, false, true, false])
    const id = price(1).price_event_id
    expect(outcomes(retried)).toEqual([
      `price_event_id ${id} is the event at ref.market_price/0/0, with other content: a correction is a new event under an id of its own; dismiss the letter`,
      `price_event_id ${id} is the event at ref.market_price/0/0, with the same bytes: nothing is missing, dismiss the letter`,
      expect.stringMatching(/^counts as the event .* from now on$/),
      expect.stringContaining("is the event at ref.market_price/0/3, with the same bytes"),
    ])
    expect((await acts(log)).map((row) => row["act"])).toEqual([
      "retry_refused",
      "retry_refused",
      "retried",
      "retry_refused",
    ])
    expect(await differences(log)).toEqual([])
  })

  it("that is taken while the rows are being folded refuses the letter as well", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(1), 0)])
    const database = interrupted(log.operator, 1, () => log.deliver([{ record: price(1), offset: 1 }]))
    const retried = await retryLetters(database, [at(0)], { actor })
    expect(outcomes(retried)).toEqual([expect.stringContaining("is the event at ref.market_price/0/1")])
    expect(await differences(log)).toEqual([])
  })
})

describe("a letter is refused", () => {
  it("while it still cannot be read, with the reason, and stays open", async () => {
    const log = await givenPrices()
    await log.deliver([{ record: price(1), offset: 0, value: Buffer.from("<html>") }])
    const retried = await retryLetters(log.operator, [at(0)], { actor })
    expect(outcomes(retried)).toEqual([expect.stringMatching(/^it still cannot be read: not UTF-8 JSON/)])
    const states = await plainClient(log.url)`select state from dead_letter_states`
    expect(states.map((row) => row["state"])).toEqual(["open"])
  })

  it("the second time, because it counts already", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(1), 0)])
    await retryLetters(log.operator, [at(0)], { actor })
    const again = await retryLetters(log.operator, [at(0)], { actor })
    expect(outcomes(again)).toEqual(["it counts as an event already, since act 1"])
  })

  it("when two operators retry it at once: one of them", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(1), 0)])
    const other = { by: "grace", why: "so do I" }
    const database = interrupted(log.operator, 1, () => retryLetters(log.operator, [at(0)], { actor: other }))
    const retried = await retryLetters(database, [at(0)], { actor })
    expect(outcomes(retried)).toEqual(["it counts as an event already, since act 1"])
    expect((await acts(log)).map((row) => row["acted_by"])).toEqual(["grace", "ada"])
  })

  it("where there is none, and then nothing is done with the others either", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(1), 0)])
    const both = retryLetters(log.operator, [at(0), at(7, 1)], { actor })
    await expect(both).rejects.toThrow("there is no dead letter at ref.market_price/1/7")
    expect(await acts(log)).toEqual([])
  })

  it("while a rebuild has read past it; a table kept to go back to is dropped", async () => {
    const log = await givenPrices()
    await log.deliver([unread(price(1), 0)])
    const copies = (copy: string) =>
      log.writer.transaction((transaction) =>
        transaction.query(
          "insert into snapshot_copies values ('market_price', $1, 1, 'evidence', 'host 1', now())",
          [copy],
        ),
      )
    await copies("shadow")
    await expect(retryLetters(log.operator, [at(0)], { actor })).rejects.toThrow(
      "market_price is being rebuilt by host 1: promote that or give it up first",
    )
    await plainClient(log.url)`delete from snapshot_copies`
    await copies("previous")
    expect((await retryLetters(log.operator, [at(0)], { actor })).letters[0]?.retried).toBe(true)
    expect(await plainClient(log.url)`select * from snapshot_copies`).toEqual([])
  })
})

describe("what happens meanwhile", () => {
  it("events of a writer that goes on are folded in when they come between the reading and the act", async () => {
    const log = await givenTransfers()
    await log.deliver([{ record: seen(1), offset: 0 }, unread(seen(2), 1), { record: seen(3), offset: 2 }])
    const database = interrupted(log.operator, 1, () => log.deliver([{ record: seen(4), offset: 3 }]))
    await retryLetters(database, [seenAt(1)], { actor })
    expect(await log.live()).toEqual(foldOf(fundingObservationTopic, [1, 2, 3, 4].map(seen)))
    expect(await differences(log)).toEqual([])
  })

  it("they are folded in their place also when a row's events lie in several partitions", async () => {
    const log = await givenTransfers()
    await log.deliver([
      { record: seen(1), offset: 0 },
      { record: seen(2), offset: 0, partition: 1 },
      { record: seen(4), offset: 1, partition: 1, readable: false },
    ])
    const database = interrupted(log.operator, 1, () => log.deliver([{ record: seen(5), offset: 1 }]))
    await retryLetters(database, [seenAt(1, 1)], { actor })
    expect(await log.live()).toEqual(foldOf(fundingObservationTopic, [1, 5, 2, 4].map(seen)))
    expect(await differences(log)).toEqual([])
  })

  it("letters of the same row that another operator retries are not left out", async () => {
    const log = await givenTransfers()
    await log.deliver([unread(seen(1), 0), unread(seen(2), 1), { record: seen(3), offset: 2 }])
    const database = interrupted(log.operator, 1, () => retryLetters(log.operator, [seenAt(0)], { actor }))
    await retryLetters(database, [seenAt(1)], { actor })
    expect(await log.live()).toEqual(foldOf(fundingObservationTopic, [1, 2, 3].map(seen)))
    expect(await differences(log)).toEqual([])
  })

  it("a writer does not go on with rows that it held before: it begins a new session", async () => {
    const log = await givenTransfers()
    const session = await log.start()
    await log.deliver(
      [{ record: seen(1), offset: 0 }, unread(seen(2), 1), { record: seen(3), offset: 2 }],
      session,
    )
    await retryLetters(log.operator, [seenAt(1)], { actor })
    // The row's latest event is the same as before, so that its version does not tell.
    await expect(log.deliver([{ record: seen(4), offset: 3 }], session)).rejects.toThrow(SnapshotSwapped)
    await log.deliver([{ record: seen(4), offset: 3 }])
    expect(await log.live()).toEqual(foldOf(fundingObservationTopic, [1, 2, 3, 4].map(seen)))
    expect(await differences(log)).toEqual([])
  })
})
