import { epochMs } from "@landfall/domain/timestamp"
import {
  clampInstants,
  defineReads,
  defineRule,
  spoken,
  WindowMs,
} from "@landfall/evaluators/alerts/define-rule"
import { Schema } from "effect"
import { sourcePrice } from "./source-price.ts"

const newestOfSource = defineReads({
  projection: sourcePrice,
  clampEvent: (price, latest) => clampInstants(price, ["observed_at"], latest),
  clampRow: (price, latest) => clampInstants(price, ["observed_at"], latest),
  events: (price) => [price.price_event_id],
})

/** One of the sources of a pair fell silent, although others may go on. */
export const sourceSilent = defineRule({
  code: "reference_price_stale", // a rule of its own has a code of its own, in AlertCode
  severity: "warning",
  scope: "market-reference-ingest",
  reads: newestOfSource,
  policy: Schema.Struct({ max_age_ms: WindowMs }),
  subject: (price) => ({ pair: price.pair }),
  breach: (price, { max_age_ms }) => ({
    from: epochMs(price.observed_at) + max_age_ms,
    window_ms: max_age_ms,
    reason: `${price.source} is silent for more than ${spoken(max_age_ms)}`,
  }),
  recovered: (price) => `${price.source} spoke at ${price.observed_at}`,
  facts: ({ price, source, observed_at }) => ({ price, source, observed_at }),
  ahead: "ok",
  clears: "at_once",
  yields_to: [],
})
