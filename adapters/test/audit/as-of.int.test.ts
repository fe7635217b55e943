import { amount } from "@landfall/domain/amount"
import type { Position } from "@landfall/domain/position"
import { timestamp } from "@landfall/domain/timestamp"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { fold } from "@landfall/projections/fold"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { marketPrice } from "@landfall/projections/market-price"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { rowEncoder } from "@landfall/projections/row-codec"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type AsOf, type Basis, bases } from "../../src/audit/as-of.ts"
import { type Condition, meets } from "../../src/audit/conditions.ts"
import { audited } from "../../src/audit/position.ts"
import { findRow, listRows } from "../../src/audit/rows.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { type Database, openDatabase } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"
import {
  anyHistories,
  batchesOf,
  type Given,
  type GivenRecord,
  givenRecord,
  start_ms,
} from "./given-record.ts"

const postgres = givenPostgres()
let databases = 0

const givenDatabase = async (): Promise<Database> => {
  const database = openDatabase(await postgres.createDatabase(`as_of_${databases++}`), {
    applicationName: "as of",
  })
  await migrate(database)
  return database
}

const isIn = ({ at, basis }: AsOf, { topic, record, ingested_ms }: Given): boolean =>
  basis === "ingest" ? timestamp(ingested_ms) <= at : topic.occurredAt(record) <= at

/** Each instant at which something came to be, and the milliseconds beside it. */
const boundaries = (given: ReadonlyArray<Given>, basis: Basis): ReadonlyArray<AsOf> => {
  const instants = new Set<number>([0])
  for (const { topic, record, ingested_ms } of given) {
    const at_ms = basis === "ingest" ? ingested_ms : Date.parse(topic.occurredAt(record))
    for (const beside of [-1, 0, 1]) instants.add(at_ms + beside)
  }
  return [...instants].map((at_ms) => ({ at: timestamp(at_ms), basis }))
}

/** After the last message of each partition that was written by then; by event time, that was written at all. */
const expectedPosition = (messages: GivenRecord["messages"], { at, basis }: AsOf): Position => {
  const position: Record<string, Record<string, number>> = {}
  for (const { topic, partition, offset, ingested_ms } of messages) {
    const partitions = position[topic.name] ?? { "0": 0, "1": 0 }
    position[topic.name] = partitions
    if (basis === "event" || timestamp(ingested_ms) <= at)
      partitions[String(partition)] = Math.max(partitions[String(partition)] ?? 0, offset + 1)
  }
  return position
}

const cutsOf = fc.array(fc.nat({ max: 100 }), { minLength: 5, maxLength: 30 })

/** For every column that can be filtered by, a value that some event of the history has, and one that none has. */
const conditionsOn = (
  projection: AnyProjection,
  own: ReadonlyArray<Given>,
  seed: number,
): ReadonlyArray<Condition> => {
  const rows = [
    ...fold(
      projection,
      own.map(({ record }) => record),
    ).values(),
  ].map(rowEncoder(projection))
  return Object.entries(projection.columns).flatMap(([column, { type }]): ReadonlyArray<Condition> => {
    const values = rows.map((row) => row[column]).filter((value) => typeof value === "string")
    const value = values[seed % Math.max(1, values.length)]
    if (value === undefined || (type !== "text" && type !== "timestamptz")) return []
    const condition = { column, type, value }
    return type === "text"
      ? [{ ...condition, is: "=" as const }]
      : [
          { ...condition, is: ">=" as const },
          { ...condition, is: "<" as const },
        ]
  })
}

/** A first observation of a transfer of its own; all of them arrive at one address. */
const seen = (nth: number): FundingObservation => {
  const tx_hash = nth.toString(16).padStart(64, "0")
  const transfer_id = bitcoinTransferId(tx_hash, 0)
  const now = timestamp(start_ms)
  return {
    funding_observation_id: fundingObservationId(transfer_id, 1),
    transfer_id,
    revision: 1,
    account_id: "desk.near",
    asset_id: "btc",
    chain: "bitcoin",
    funding_handle: "bcrt1qdesk",
    source: "bitcoind",
    tx_hash,
    output_index: 0,
    status: "seen",
    amount: amount(1n),
    confirmations: 0,
    confirmations_required: 1,
    first_seen_at: now,
    last_seen_at: now,
    observer: { state: "ok", tip_height: 1, tip_at: now },
    cause: "first_seen",
  }
}

const quoted = (pair: string, nth: number): MarketPrice => {
  const observed_at = timestamp(start_ms + nth)
  return {
    price_event_id: priceEventId(pair, "kraken", observed_at),
    pair,
    price: "1.5",
    source: "kraken",
    observed_at,
  }
}

const inLogOrder = (left: Given, right: Given): number =>
  left.partition - right.partition || left.offset - right.offset

describe("an answer as of an instant", () => {
  it("is the fold of what had been ingested, or had happened, by then: every projection, at every boundary", async () => {
    await fc.assert(
      fc.asyncProperty(anyHistories, cutsOf, async (histories, cuts) => {
        const database = await givenDatabase()
        const { events, messages } = await givenRecord(database, batchesOf(histories, cuts))
        for (const projection of projections) {
          const own = events.filter(({ topic }) => topic === projection.topic).sort(inLogOrder)
          for (const basis of bases)
            for (const asOf of boundaries(own, basis)) {
              const expected = fold(
                projection,
                own.filter((event) => isIn(asOf, event)).map(({ record }) => record),
              )
              const query = { conditions: [], after: null, asOf }
              const { rows, position } = await database.transaction(
                audited((transaction) => listRows(transaction, projection, query, 1000), asOf),
              )
              expect(new Map(rows.map(({ key, row }) => [key, row]))).toEqual(expected)
              expect(position).toEqual(expectedPosition(messages, asOf))
            }
        }
        await database.close()
      }),
      { numRuns: 3, seed: 20_261_123, endOnFailure: true },
    )
  }, 120_000)

  it("is narrowed down by what rows were then: each filter gives what it gives of the fold", async () => {
    await fc.assert(
      fc.asyncProperty(anyHistories, cutsOf, fc.nat(), async (histories, cuts, seed) => {
        const database = await givenDatabase()
        const { events } = await givenRecord(database, batchesOf(histories, cuts))
        for (const projection of projections) {
          const own = events.filter(({ topic }) => topic === projection.topic).sort(inLogOrder)
          const encode = rowEncoder(projection)
          for (const basis of bases) {
            const instants = boundaries(own, basis)
            const asOf = instants[seed % instants.length] as AsOf
            const rows = fold(
              projection,
              own.filter((event) => isIn(asOf, event)).map(({ record }) => record),
            )
            for (const condition of conditionsOn(projection, own, seed)) {
              const expected = [...rows]
                .filter(([, row]) => meets(condition, encode(row)))
                .map(([key]) => key)
              const query = { conditions: [condition], after: null, asOf }
              const found = await database.transaction((transaction) =>
                listRows(transaction, projection, query, 1000),
              )
              expect(new Set(found.map(({ key }) => key))).toEqual(new Set(expected))
            }
          }
        }
        await database.close()
      }),
      { numRuns: 3, seed: 20_261_124, endOnFailure: true },
    )
  }, 120_000)

  it("reads the events of its keys and of no other, however many there are", async () => {
    const database = await givenDatabase()
    const others = 5_000
    const transfers = Array.from({ length: others }, (_, nth) => seen(nth))
    const prices = Array.from({ length: others }, (_, nth) => quoted(`P${nth % 50}/EURe`, nth))
    await givenRecord(database, [
      { topic: fundingObservationTopic, records: transfers, ingested_ms: start_ms },
      { topic: marketPriceTopic, records: [...prices, quoted("BTC/EURe", 0)], ingested_ms: start_ms },
      { topic: marketPriceTopic, records: [quoted("BTC/EURe", 1)], ingested_ms: start_ms + 1 },
    ])
    await database.transaction((transaction) => transaction.script("analyze"))
    const asOf: AsOf = { at: timestamp(start_ms + 1), basis: "ingest" }
    /** Rows of the table that PostgreSQL touched for one key. */
    const touched = (projection: AnyProjection, key: string): Promise<{ touched: number; found: boolean }> =>
      database.transaction(async (transaction) => {
        const found = await findRow(transaction, projection, key, asOf)
        const [row] = await transaction.query<{ touched: string }>(
          "select (seq_tup_read + idx_tup_fetch)::text as touched from pg_stat_xact_user_tables where relname = $1",
          [projection.topic.evidenceTable],
        )
        return { touched: Number(row?.touched), found: found !== null }
      })
    expect(await touched(fundingTransfer, transfers[17]?.transfer_id ?? "")).toEqual({
      touched: 2,
      found: true,
    })
    expect(await touched(marketPrice, "BTC/EURe")).toEqual({ touched: 2, found: true })
    await database.close()
  }, 60_000)

  it("rests on times that do not go back along a partition when a clock does, unless it was far ahead", async () => {
    const database = await givenDatabase()
    const clocks_ms = [0, 50_000, 20_000, 55_000, 500_000, 60_000]
    await givenRecord(
      database,
      clocks_ms.map((clock_ms, nth) => ({
        topic: marketPriceTopic,
        records: [quoted("BTC/EURe", nth)],
        ingested_ms: start_ms + clock_ms,
      })),
    )
    const rows = await database.transaction((transaction) =>
      transaction.query<{ at_ms: string }>(
        "select (extract(epoch from ingested_at) * 1000)::bigint::text as at_ms from market_prices order by kafka_offset",
      ),
    )
    const written_ms = rows.map(({ at_ms }) => Number(at_ms) - start_ms)
    expect(written_ms).toEqual([0, 50_000, 50_000, 55_000, 500_000, 60_000])
    await database.close()
  })
})
