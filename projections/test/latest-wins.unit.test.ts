import { amount } from "@landfall/domain/amount"
import { type IntentInventory, inventorySnapshotId } from "@landfall/domain/topics/intent-inventory"
import { type MarketPrice, priceEventId } from "@landfall/domain/topics/market-price"
import { describe, it } from "vitest"
import { intentInventory } from "../src/intent-inventory.ts"
import { marketPrice } from "../src/market-price.ts"
import { given } from "../src/testing/given.ts"
import { storyTime } from "../src/testing/pools.ts"

const priced = (price: string, seconds: number, source = "kraken"): MarketPrice => ({
  price_event_id: priceEventId("BTC/EURe", source, storyTime(seconds)),
  pair: "BTC/EURe",
  price,
  source,
  observed_at: storyTime(seconds),
})

describe("a market price", () => {
  it("begins with the first that is seen", () => {
    given(marketPrice).when(priced("60000.1", 1)).then(priced("60000.1", 1))
  })

  it("follows a later one", () => {
    given(marketPrice, [priced("60000.1", 1)])
      .when(priced("59000", 2))
      .then(priced("59000", 2))
  })

  it("is not changed by an earlier one that comes late", () => {
    given(marketPrice, [priced("59000", 2)])
      .when(priced("60000.1", 1))
      .thenNothingChanges()
  })

  it("goes by the greater id when two sources tell of the same time, whichever came first", () => {
    const both = [priced("1", 1, "kraken"), priced("2", 1, "coinbase")] as const
    const [first, second] = both
    const winner = first.price_event_id > second.price_event_id ? first : second
    given(marketPrice, [first]).when(second).then(winner)
    given(marketPrice, [second]).when(first).then(winner)
  })

  it("is kept for each pair on its own", () => {
    const other = { ...priced("0.00001", 1), pair: "EURe/BTC" }
    given(marketPrice, [priced("60000.1", 2)])
      .when(other)
      .then(other)
  })
})

const held = (spendable: bigint, seconds: number, account_id = "desk.near"): IntentInventory => ({
  inventory_snapshot_id: inventorySnapshotId(account_id, storyTime(seconds)),
  account_id,
  observed_at: storyTime(seconds),
  balances: [
    { asset_id: "btc", spendable: amount(spendable), pending_inbound: amount(5n), credited: amount(7n) },
  ],
})

describe("an intent inventory", () => {
  it("begins with the first snapshot, exactly as it came", () => {
    given(intentInventory).when(held(10n, 1)).then(held(10n, 1))
  })

  it("is replaced by a later snapshot as a whole, so that an asset that is gone is gone", () => {
    const empty = { ...held(0n, 2), balances: [] }
    given(intentInventory, [held(10n, 1)])
      .when(empty)
      .then(empty)
  })

  it("is not changed by an earlier snapshot that comes late", () => {
    given(intentInventory, [held(10n, 2)])
      .when(held(99n, 1))
      .thenNothingChanges()
  })

  it("goes by the greater id when two snapshots have the same time, whichever came first", () => {
    const first = { ...held(1n, 1), inventory_snapshot_id: "11111111-0000-5000-8000-000000000000" }
    const second = { ...held(2n, 1), inventory_snapshot_id: "22222222-0000-5000-8000-000000000000" }
    given(intentInventory, [first]).when(second).then(second)
    given(intentInventory, [second]).when(first).then(second)
  })

  it("is kept for each account on its own", () => {
    given(intentInventory, [held(10n, 2)])
      .when(held(1n, 1, "vault.near"))
      .then(held(1n, 1, "vault.near"))
  })
})
