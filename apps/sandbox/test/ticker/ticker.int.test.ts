import { endpoint } from "@landfall/adapters/config/endpoint"
import { krakenTicker } from "@landfall/adapters/ticker/kraken"
import { openTicker } from "@landfall/adapters/ticker/ticker"
import { TickerFailed } from "@landfall/adapters/ticker/ticker-failed"
import { afterEach, beforeEach, expect, test } from "vitest"
import type { TickerFault } from "../../src/ticker/control.ts"
import { type SimulatedTicker, startTicker } from "../../src/ticker/start.ts"
import { expectMisbehaviour, type Patience, wireFaultReasons } from "../simulated/wire-faults.ts"

let ticker: SimulatedTicker
beforeEach(async () => {
  ticker = await startTicker({ prices: { XXBTZEUR: "60000.1", XETHZEUR: "2000" } })
})
afterEach(() => ticker.stop())

const ask = (patience: Patience = {}) =>
  openTicker(krakenTicker, { endpoint: endpoint(ticker.url), ...patience }).quotes(["XXBTZEUR", "XETHZEUR"])

test("answers in Kraken's shape, decimals padded with zeros", async () => {
  const answer = await fetch(`${ticker.url}?pair=XXBTZEUR`)
  expect(await answer.json()).toMatchObject({
    error: [],
    result: {
      XXBTZEUR: { a: ["60000.10000", "1", "1.000"], c: ["60000.10000", "0.00100000"], t: [1200, 24000] },
    },
  })
  const unknown = await fetch(`${ticker.url}?pair=NOPE`)
  expect(await unknown.json()).toEqual({ error: ["EQuery:Unknown asset pair"] })
})

test("gives prices in canonical form, as they are set", async () => {
  expect(await ask()).toEqual(
    new Map([
      ["XXBTZEUR", { price: "60000.1" }],
      ["XETHZEUR", { price: "2000" }],
    ]),
  )
  await ticker.control.setPrice("XXBTZEUR", "123456789012345678.00000001")
  expect((await ask()).get("XXBTZEUR")).toEqual({ price: "123456789012345678.00000001" })
})

test.each(wireFaultReasons)("misbehaves on the wire as told (%s), and behaves again", (kind, reason) =>
  expectMisbehaviour(ticker.control, [kind, reason], ask),
)

test.each([
  ["service_error", "ticker_error"],
  ["no_result", "malformed"],
] satisfies Array<[TickerFault, string]>)("is of no use when it says nothing (%s)", async (kind, reason) => {
  await ticker.control.setFault({ kind })
  const error = await ask().catch((failure: unknown) => failure)
  expect(error).toBeInstanceOf(TickerFailed)
  expect(error).toMatchObject({ reason })
})

test.each([
  "number_price",
  "zero_price",
  "negative_price",
  "exponent_price",
  "empty_price",
  "long_price",
] satisfies Array<TickerFault>)("never makes a price of what is none (%s)", async (kind) => {
  await ticker.control.setFault({ kind })
  expect((await ask()).get("XXBTZEUR")).toEqual({ problem: expect.stringContaining("XXBTZEUR has") })
})

test("keeps the other pairs when one is missing", async () => {
  await ticker.control.setFault({ kind: "missing_pair" })
  expect(await ask()).toEqual(
    new Map([
      ["XXBTZEUR", { problem: "the answer has no XXBTZEUR; it has XETHZEUR" }],
      ["XETHZEUR", { price: "2000" }],
    ]),
  )
})

test("knows a pair no more when told, and answers as Kraken does", async () => {
  await ticker.control.removePair("XETHZEUR")
  await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining("Unknown asset pair") })
})
