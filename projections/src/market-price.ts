import { fields } from "@landfall/domain/column"
import { MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import { defineProjection } from "./projection.ts"

/** Latest reference price of each pair. At the same instant the greater id wins, whichever came first. */
export const marketPrice = defineProjection<MarketPrice, MarketPrice>({
  name: "market_price",
  list: "prices",
  version: 1,
  topic: marketPriceTopic,
  key: (price) => price.pair,
  keyColumns: ["pair"],
  evolve: (row, price) => {
    if (row === null || price.observed_at > row.observed_at) return price
    if (price.observed_at < row.observed_at) return row
    return price.price_event_id > row.price_event_id ? price : row
  },
  row: MarketPrice,
  columns: fields<MarketPrice>({
    price_event_id: "uuid",
    pair: "text",
    price: "numeric",
    source: "text",
    observed_at: "timestamptz",
  }),
})
