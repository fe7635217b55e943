import { readFileSync } from "node:fs"
import { messageBytesMax, recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
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

/** Values that are no record of the topic, each made from one that is by a single fault. */
export const poisonOf = (topicName: string): ReadonlyArray<readonly [what: string, value: Buffer]> => {
  const golden = goldenBytes(topicName)
  const text = golden.toString("utf8")
  const record = JSON.parse(text) as Readonly<Record<string, unknown>>
  const [first = ""] = Object.keys(record)
  // One topic has 10 MB, the others what is just too long: whoever checks the whole reads all of it several times.
  const padding = topicName === marketPriceTopic.name ? 10_000_000 : messageBytesMax
  const time = Object.keys(record).find((name) => name.endsWith("_at")) ?? ""
  const changed = (name: string, value: unknown): string => JSON.stringify({ ...record, [name]: value })
  const texts: ReadonlyArray<readonly [string, string]> = [
    ["deep nesting", changed(first, "[here]").replace('"[here]"', "[".repeat(50_000) + "]".repeat(50_000))],
    ["a prototype for fields", `{"__proto__":${text}}`],
    ["a wrong type", changed(first, 7)],
    ["a time as a number", changed(time, 1_700_000_000_000)],
    ["a time that never was", changed(time, "2026-02-30T00:00:00.000Z")],
    ["a time beyond all years", changed(time, "+012026-01-01T00:00:00.000Z")],
    ["a time before all years", changed(time, "-000044-03-15T00:00:00.000Z")],
    ["a shape that nobody knows", '{"event":"deposit","amount":1}'],
    ...topics
      .filter(({ name }) => name !== topicName)
      .map(({ name }) => [`the shape of ${name}`, goldenBytes(name).toString("utf8")] as const),
  ]
  return [
    ["broken UTF-8", Buffer.concat([golden.subarray(0, -2), Buffer.from([0xc3, 0x28]), golden.subarray(-2)])],
    ["too many bytes", Buffer.from(`${text.trimEnd().slice(0, -1)},"pad":"${"x".repeat(padding)}"}`)],
    ...texts.map(([what, value]) => [what, Buffer.from(value)] as const),
  ]
}
