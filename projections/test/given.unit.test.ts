import type { MarketPrice } from "@landfall/domain/topics/market-price"
import { describe, expect, it } from "vitest"
import { marketPrice } from "../src/market-price.ts"
import { given } from "../src/testing/given.ts"
import { storyTime } from "../src/testing/pools.ts"

const price: MarketPrice = {
  price_event_id: "11111111-0000-5000-8000-000000000000",
  pair: "BTC/EURe",
  price: "60000.1",
  source: "kraken",
  observed_at: storyTime(1),
}

describe("given, when, then", () => {
  it("fails for another row, a missing row and an unexpected row, and shows both", () => {
    expect(() =>
      given(marketPrice)
        .when(price)
        .then({ ...price, price: "1" }),
    ).toThrow(/"1"[^]*60000\.1/)
    expect(() => given(marketPrice).when(price).then(null)).toThrow("expected null")
    const nothing = { ...marketPrice, evolve: () => null }
    expect(() => given(nothing).when(price).then(price)).toThrow("but got  null")
  })

  it("fails for a projection that a duplicate changes", () => {
    const doubling = {
      ...marketPrice,
      evolve: (row: MarketPrice | null, event: MarketPrice) =>
        row === null ? event : { ...row, price: `${row.price}1` },
    }
    expect(() => given(doubling).when(price).then(price)).toThrow("came twice")
  })

  it("fails when nothing should have changed and something did, be it only the object", () => {
    const later = { ...price, observed_at: storyTime(2) }
    expect(() => given(marketPrice, [price]).when(later).thenNothingChanges()).toThrow("changed")
    const copying = { ...marketPrice, evolve: (row: MarketPrice | null) => ({ ...(row ?? price) }) }
    expect(() => given(copying, [price]).when(price).thenNothingChanges()).toThrow("changed")
  })
})
