import { DecimalString } from "@landfall/domain/text"
import { Schema } from "effect"
import fc from "fast-check"
import { expect, test } from "vitest"
import { coinbaseTicker } from "../../src/ticker/coinbase.ts"
import { krakenTicker } from "../../src/ticker/kraken.ts"
import { canonicalPrice } from "../../src/ticker/price-text.ts"
import type { TickerShape } from "../../src/ticker/shape.ts"

const first = (shape: TickerShape, symbol: string) => {
  const [request] = shape.requests([symbol])
  if (request === undefined) throw new Error("no request")
  return request
}
const btc = first(krakenTicker, "XXBTZEUR")
const readKraken = (answer: unknown) => krakenTicker.read(answer, btc).get("XXBTZEUR")
const kraken = (c: unknown) => ({ error: [], result: { XXBTZEUR: { c } } })

test("writes a price in its one canonical form, digit for digit", () => {
  expect(canonicalPrice("60000.10000")).toBe("60000.1")
  expect(canonicalPrice("0060000")).toBe("60000")
  expect(canonicalPrice("0.000000010")).toBe("0.00000001")
  expect(canonicalPrice("9007199254740993.00000000000000000001")).toBe(
    "9007199254740993.00000000000000000001",
  )
})

test("keeps the value of every decimal and is canonical, with any needless zeros around", () => {
  const zeros = fc.nat({ max: 4 }).map((count) => "0".repeat(count))
  const parts = fc.tuple(zeros, fc.bigInt(0n, 10n ** 25n), fc.bigInt(1n, 10n ** 10n), zeros)
  fc.assert(
    fc.property(parts, ([before, whole, fraction, after]) => {
      const canonical = canonicalPrice(`${before}${whole}.${fraction}${after}`)
      expect(Schema.is(DecimalString)(canonical)).toBe(true)
      const [units = "", decimals = ""] = (canonical ?? "").split(".")
      const digits = String(fraction).replace(/0+$/, "")
      expect([units, decimals]).toEqual([String(whole), digits])
    }),
  )
})

test.each([
  "",
  "0",
  "0.000",
  "-1",
  "+1",
  "6e4",
  "1,000.5",
  " 1",
  "1.",
  ".5",
  "NaN",
  "Infinity",
  "0x10",
  "1".repeat(65),
  `0.${"0".repeat(1_000_000)}1`,
  "١٢",
])("makes no price of %j", (text) => {
  expect(canonicalPrice(text)).toBeNull()
})

test("asks Kraken for all symbols at once, and reads the last trade", () => {
  expect(krakenTicker.requests(["XXBTZEUR", "XETHZEUR"])).toEqual([
    { path: "", query: { pair: "XXBTZEUR,XETHZEUR" }, symbols: ["XXBTZEUR", "XETHZEUR"] },
  ])
  expect(readKraken(kraken(["60000.10000", "0.1"]))).toEqual({ price: "60000.1" })
})

test.each([
  ["a price as a number", kraken([60000.1, "0.1"])],
  ["an empty trade", kraken([])],
  ["a trade that is no list", kraken("60000.1")],
  ["a zero", kraken(["0.00000", "0.1"])],
  ["a pair that is null", { error: [], result: { XXBTZEUR: null } }],
  ["another pair", { error: [], result: { XETHZEUR: { c: ["1", "1"] } } }],
  ["no pair", { error: [], result: {} }],
])("has no price for %s", (_what, answer) => {
  expect(readKraken(answer)).toEqual({ problem: expect.stringContaining("XXBTZEUR") })
})

test("heeds Kraken's errors and not its warnings", () => {
  expect(() => readKraken({ error: ["EService:Busy"] })).toThrow("ticker: it answered EService:Busy")
  expect(readKraken({ ...kraken(["1.5", "1"]), error: ["WGeneral:Deprecated"] })).toEqual({ price: "1.5" })
})

test("throws what says what is wrong for any other answer whatever", () => {
  const anything = fc.anything().filter((value) => {
    try {
      readKraken(value)
      return false
    } catch {
      return true
    }
  })
  fc.assert(
    fc.property(anything, (value) => {
      expect(() => readKraken(value)).toThrow(/^ticker: /)
    }),
  )
})

test("reads Coinbase's spot price, one symbol a request, and only of the pair that was asked for", () => {
  const request = first(coinbaseTicker, "BTC-EUR")
  expect(request).toEqual({ path: "/BTC-EUR/spot", query: {}, symbols: ["BTC-EUR"] })
  const spot = (amount: unknown, base = "BTC") => ({ data: { amount, base, currency: "EUR" } })
  expect(coinbaseTicker.read(spot("60000.125"), request)).toEqual(
    new Map([["BTC-EUR", { price: "60000.125" }]]),
  )
  expect(coinbaseTicker.read(spot("1", "ETH"), request).get("BTC-EUR")).toEqual({
    problem: "the answer is for ETH-EUR",
  })
  expect(() => coinbaseTicker.read(spot(60000.125), request)).toThrow(/Coinbase's shape/)
})
