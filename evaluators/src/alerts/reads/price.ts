import { marketPrice } from "@landfall/projections/market-price"
import { clampInstants, defineReads } from "../define-rule.ts"

/** The newest price of each pair. */
export const newestPrice = defineReads({
  projection: marketPrice,
  clampEvent: (price, latest) => clampInstants(price, ["observed_at"], latest),
  clampRow: (price, latest) => clampInstants(price, ["observed_at"], latest),
  events: (price) => [price.price_event_id],
})
