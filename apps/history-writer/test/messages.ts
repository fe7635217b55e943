import { readFileSync } from "node:fs"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import type { Outgoing } from "./kafka-tools.ts"

/** The frozen bytes of one record of the topic: messages like it are in every log. */
export const goldenBytes = (topicName: string): Buffer =>
  readFileSync(new URL(`../../../domain/test/golden/${topicName}.json`, import.meta.url))

const encode = recordEncoder(marketPriceTopic)
const start_ms = Date.UTC(2026, 0, 1)

/** The n-th price of a pair, with a message key that is the pair. */
export const priceOf = (nth: number, changes: Partial<MarketPrice> = {}): MarketPrice => {
  const pair = changes.pair ?? "BTC/EURe"
  const observed_at = changes.observed_at ?? timestamp(start_ms + nth * 1000)
  return {
    price_event_id: priceEventId(pair, "test", observed_at),
    pair,
    price: `${60_000 + nth}.5`,
    source: "test",
    observed_at,
    ...changes,
  }
}

/** A price as a message. */
export const priceMessage = (
  price: MarketPrice,
  rest: Partial<Outgoing> = {},
): Outgoing & { readonly value: string } => ({
  topic: marketPriceTopic.name,
  key: price.pair,
  ...rest,
  value: encode(price),
})

/** Prices `from` up to but without `to`, in partition 0. */
export const prices = (from: number, to: number): ReadonlyArray<Outgoing> =>
  Array.from({ length: to - from }, (_, index) => priceMessage(priceOf(from + index), { partition: 0 }))
