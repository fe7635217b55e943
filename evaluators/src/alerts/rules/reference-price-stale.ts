import { epochMs } from "@landfall/domain/timestamp"
import { Schema } from "effect"
import { defineRule, spoken, WindowMs } from "../define-rule.ts"
import { newestPrice } from "../reads/price.ts"

/** The reference price of a pair is too old to trade on: the ticker is silent, or the ingest is down or paused. */
export const referencePriceStale = defineRule({
  code: "reference_price_stale",
  severity: "critical",
  scope: "market-reference-ingest",
  reads: newestPrice,
  policy: Schema.Struct({ max_age_ms: WindowMs }),
  subject: (price) => ({ pair: price.pair }),
  breach: (price, { max_age_ms }) => ({
    from: epochMs(price.observed_at) + max_age_ms,
    window_ms: max_age_ms,
    reason: `no price newer than ${price.observed_at}: older than ${spoken(max_age_ms)}`,
  }),
  recovered: (price) => `a price of ${price.observed_at} came`,
  facts: ({ price, source, observed_at }) => ({ observed_at, price, source }),
  ahead: "ok",
  clears: "after_quiet",
  yields_to: [],
  expects: {
    kind: "pairs",
    subject: (pair) => ({ pair }),
    absent: (since_ms, { max_age_ms }) => ({
      from: since_ms + max_age_ms,
      window_ms: max_age_ms,
      reason: "never_observed",
    }),
  },
})
