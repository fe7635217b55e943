import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import fc from "fast-check"
import { expect, test } from "vitest"
import { dueRecords } from "../../src/polling/due.ts"

const start_ms = Date.UTC(2026, 10, 23)
const price = (text: string, at_ms: number, pair = "BTC/EURe"): MarketPrice => {
  const observed_at = timestamp(start_ms + at_ms)
  return {
    price_event_id: priceEventId(pair, "kraken", observed_at),
    pair,
    price: text,
    source: "kraken",
    observed_at,
  }
}
const cadence = {
  topic: marketPriceTopic,
  same: (left: MarketPrice, right: MarketPrice) => left.price === right.price,
  heartbeat_ms: 1_000,
}
const published = (...records: MarketPrice[]) => new Map(records.map((record) => [record.pair, record]))

test("publishes what was never published and what changed", () => {
  const first = price("1", 0)
  expect(dueRecords(cadence, published(), [first]).publish).toEqual([first])
  const changed = price("2", 1)
  expect(dueRecords(cadence, published(first), [changed]).publish).toEqual([changed])
})

test("publishes what did not change once its heartbeat is due, and not a millisecond before", () => {
  const before = published(price("1", 0))
  expect(dueRecords(cadence, before, [price("1", 999)]).publish).toEqual([])
  expect(dueRecords(cadence, before, [price("1", 1_000)]).publish).toHaveLength(1)
})

test("judges each key by itself", () => {
  const before = published(price("1", 0), price("1", 500, "ETH/EURe"))
  const read = [price("1", 1_200), price("1", 1_200, "ETH/EURe")]
  expect(dueRecords(cadence, before, read).publish.map(({ pair }) => pair)).toEqual(["BTC/EURe"])
})

test("holds back what is not later than the last published, changed or not", () => {
  const before = published(price("1", 5_000))
  for (const at_ms of [5_000, 4_999, -100_000]) {
    const read = price("2", at_ms)
    expect(dueRecords(cadence, before, [read])).toEqual({ publish: [], behind: [read] })
  }
})

test("gives strictly later times, no repetition within a heartbeat, and no gap that is longer than it must be", () => {
  const readings = fc.array(
    fc.record({ gap_ms: fc.integer({ min: -50, max: 700 }), text: fc.constantFrom("1", "2") }),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(readings, (list) => {
      let at_ms = 0
      let latest = null as MarketPrice | null
      for (const { gap_ms, text } of list) {
        at_ms += gap_ms
        const read = price(text, at_ms)
        const [due]: ReadonlyArray<MarketPrice> = dueRecords(
          cadence,
          latest === null ? published() : published(latest),
          [read],
        ).publish
        const since_ms: number =
          latest === null ? 0 : Date.parse(read.observed_at) - Date.parse(latest.observed_at)
        const news = latest === null || since_ms >= cadence.heartbeat_ms || latest.price !== read.price
        expect(due !== undefined).toBe(news && (latest === null || since_ms > 0))
        if (due !== undefined) latest = due
      }
    }),
  )
})
