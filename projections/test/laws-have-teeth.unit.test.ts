import { fields } from "@landfall/domain/column"
import { Count } from "@landfall/domain/text"
import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import { MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type FundingTransfer, fundingTransfer } from "../src/funding-transfer.ts"
import { intentInventory } from "../src/intent-inventory.ts"
import { batchSplitChangesNothing } from "../src/laws/batch-split.ts"
import { deterministic } from "../src/laws/deterministic.ts"
import { duplicatesChangeNothing, duplicatesKeepTheRow } from "../src/laws/duplicates.ts"
import { firstKnownIsKept } from "../src/laws/first-known.ts"
import { eventIdsAreAllEvents, findByComesFromEvents, keyColumnsFindTheEvents } from "../src/laws/found-by.ts"
import { keyOrderIsEnough, rowHasOneMessageKey } from "../src/laws/key-order.ts"
import type { Law } from "../src/laws/law.ts"
import { uncreditedIsNeverSpendable } from "../src/laws/never-spendable.ts"
import { snapshotHoldsTheRow } from "../src/laws/snapshot.ts"
import { marketPrice } from "../src/market-price.ts"
import { defineProjection, type Projection } from "../src/projection.ts"
import { type AnyProjection, projections } from "../src/registry.ts"
import { fundingHistory } from "../src/testing/funding-history.ts"
import { histories } from "../src/testing/generators.ts"
import { priceHistory } from "../src/testing/other-histories.ts"

const CountedPrice = Schema.Struct({ ...MarketPrice.fields, count: Count })
type CountedPrice = typeof CountedPrice.Type

/** A projection of prices that counts in the way given. */
const counting = (
  count: (row: CountedPrice | null) => number,
  changes: Partial<Projection<CountedPrice, MarketPrice>> = {},
) =>
  defineProjection<CountedPrice, MarketPrice>({
    name: "counted_price",
    list: "counted-prices",
    version: 1,
    topic: marketPriceTopic,
    key: (price) => price.pair,
    keyColumns: ["pair"],
    evolve: (row, price) => ({ ...price, count: count(row) }),
    row: CountedPrice,
    columns: fields<CountedPrice>({
      price_event_id: "uuid",
      pair: "text",
      price: "numeric",
      source: "text",
      observed_at: "timestamptz",
      count: "integer",
    }),
    ...changes,
  })

let calls = 0
const withHiddenState = counting(() => ++calls)
const countsEveryDelivery = counting((row) => (row?.count ?? 0) + 1)
const copiesTheRow = { ...marketPrice, evolve: (_: MarketPrice | null, price: MarketPrice) => ({ ...price }) }
const changesTheRow = counting(() => 0, {
  evolve: (row, price) => (row === null ? { ...price, count: 1 } : Object.assign(row, price)),
})
const forgetsTheCount = counting((row) => (row?.count ?? 0) + 1, {
  columns: marketPrice.columns as typeof countsEveryDelivery.columns,
})
const keyedBySource = counting((row) => (row?.count ?? 0) + 1, { key: (price) => price.source })

const latestTransfer = (row: FundingTransfer | null, seen: FundingObservation): FundingTransfer => ({
  ...seen,
  observations: (row?.observations ?? 0) + 1,
})

const expectBreach = <Row>(law: Law, projection: Projection<Row, MarketPrice>) =>
  expect(fc.check(law.property(projection, priceHistory), { numRuns: 300 }).failed).toBe(true)

describe("each law is broken by a projection that", () => {
  it("has a state of its own", () => expectBreach(deterministic, withHiddenState))
  it("changes rows in place", () => expectBreach(deterministic, changesTheRow))
  it("counts deliveries", () => expectBreach(duplicatesChangeNothing, countsEveryDelivery))
  it("makes a new row for a duplicate", () => expectBreach(duplicatesKeepTheRow, copiesTheRow))
  it("keeps in a row what no column holds", () => {
    expectBreach(batchSplitChangesNothing, forgetsTheCount)
    expectBreach(snapshotHoldsTheRow, forgetsTheCount)
  })
  it("gathers events of several message keys in one row", () => {
    expectBreach(keyOrderIsEnough, keyedBySource)
    expectBreach(rowHasOneMessageKey, keyedBySource)
  })

  it("is found by columns that do not tell its key, or tell too much of it", () => {
    expectBreach(keyColumnsFindTheEvents, { ...marketPrice, keyColumns: ["source"] })
    expectBreach(keyColumnsFindTheEvents, { ...marketPrice, keyColumns: ["pair", "source"] })
    const finest = { ...marketPrice, key: (price: MarketPrice) => `${price.pair} ${price.source}` }
    expectBreach(keyColumnsFindTheEvents, finest)
  })
  it("is found by what none of its events has", () => {
    const summed = { ...marketPrice.columns, price: { type: "numeric", of: () => "0.5" } } as const
    expectBreach(findByComesFromEvents, { ...marketPrice, columns: summed, findBy: ["price"] })
  })
  it("tells too few events, or too many", () => {
    const latest = (price: MarketPrice) => [price.price_event_id]
    expectBreach(eventIdsAreAllEvents, { ...marketPrice, eventIds: latest })
    expectBreach(eventIdsAreAllEvents, { ...marketPrice, eventIds: (price) => [...latest(price), "x"] })
  })

  it("believes a later tx_hash", () => {
    const believer = { ...fundingTransfer, evolve: latestTransfer }
    expect(fc.check(firstKnownIsKept(believer, fundingHistory), { numRuns: 500 }).failed).toBe(true)
  })

  it("adds observations to the inventory, or shows them as spendable", () => {
    const breaks = (broken: ReadonlyArray<AnyProjection>) =>
      fc.check(uncreditedIsNeverSpendable(broken, histories), { numRuns: 500 }).failed
    const shows = {
      ...fundingTransfer,
      evolve: (_: unknown, seen: FundingTransfer) => ({ ...seen, spendable: seen.amount }),
    }
    let observed = 0n
    const leaks = {
      ...fundingTransfer,
      evolve: (row: FundingTransfer | null, seen: FundingTransfer) => {
        observed += seen.amount
        return fundingTransfer.evolve(row, seen)
      },
    }
    const adds: AnyProjection = {
      ...intentInventory,
      evolve: (_, held) => ({ ...held, account_id: `${held.account_id} + ${observed}` }),
    }
    expect(breaks([...projections, shows])).toBe(true)
    expect(breaks([leaks, adds])).toBe(true)
    expect(breaks(projections)).toBe(false)
  })
})
