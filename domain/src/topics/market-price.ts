import { Schema } from "effect"
import { fields } from "../column.ts"
import { deterministicId, Uuid } from "../deterministic-id.ts"
import { DecimalString, Text } from "../text.ts"
import { Timestamp } from "../timestamp.ts"
import { defineTopic } from "../topic.ts"

/** A reference price as a public ticker gave it: quote units for one base unit, as decimal text. */
export const MarketPrice = Schema.Struct({
  price_event_id: Uuid,
  /** Base and quote, such as `BTC/EURe`. */
  pair: Text,
  price: DecimalString,
  source: Text,
  observed_at: Timestamp,
})
export type MarketPrice = typeof MarketPrice.Type

export const priceEventId = (pair: string, source: string, observedAt: Timestamp): string =>
  deterministicId("market_price", pair, source, observedAt)

export const marketPriceTopic = defineTopic<MarketPrice>({
  name: "ref.market_price",
  schema: MarketPrice,
  key: (price) => price.pair,
  id: "price_event_id",
  occurredAt: (price) => price.observed_at,
  evidenceTable: "market_prices",
  columns: fields<MarketPrice>({
    pair: "text",
    price: "numeric",
    source: "text",
    observed_at: "timestamptz",
  }),
})
