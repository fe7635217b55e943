import { fields } from "@landfall/domain/column"
import { MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import { defineProjection } from "@landfall/projections/projection"

/** Latest reference price of each pair from each source. */
export const sourcePrice = defineProjection<MarketPrice, MarketPrice>({
  name: "source_price", // the table is source_price_snapshot
  list: "source-prices", // the route is /v1/source-prices
  version: 1, // bump when `evolve` changes meaning: it forces a rebuild
  topic: marketPriceTopic,
  key: (price) => `${price.pair} ${price.source}`, // all of one key have one message key, here the pair
  keyColumns: ["pair", "source"],
  evolve: (row, price) => (row === null || price.observed_at > row.observed_at ? price : row),
  row: MarketPrice,
  columns: fields<MarketPrice>({
    price_event_id: "uuid",
    pair: "text",
    price: "numeric",
    source: "text",
    observed_at: "timestamptz",
  }),
})
