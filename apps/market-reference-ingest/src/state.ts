import type { PollingStatus } from "@landfall/adapters/polling/polling-publisher"
import { publishingFields, ShownHealth, shownPublishing } from "@landfall/adapters/polling/service"
import { type Source, shownHealth } from "@landfall/adapters/polling/source"
import type { Quote } from "@landfall/adapters/ticker/shape"
import { epochMs } from "@landfall/domain/timestamp"
import type { MarketPrice } from "@landfall/domain/topics/market-price"
import { Schema } from "effect"
import type { PairSymbol } from "./settings.ts"

export interface StateOptions {
  readonly pairs: ReadonlyArray<PairSymbol>
  readonly source: Source<ReadonlyMap<string, Quote>>
  readonly status: PollingStatus<MarketPrice>
  readonly now_ms: number
}

/** The `/state` document: the newest published price of each pair with its age, and how the ticker stands. */
export const stateOf = ({ pairs, source, status, now_ms }: StateOptions) => ({
  ...shownPublishing(status),
  prices: pairs.map(({ pair, symbol }) => {
    const published = status.published.get(pair)
    const quote = source.last()?.get(symbol)
    return {
      pair,
      symbol,
      price: published?.price ?? null,
      source: published?.source ?? null,
      observed_at: published?.observed_at ?? null,
      age_seconds:
        published === undefined ? null : Math.max(0, now_ms - epochMs(published.observed_at)) / 1000,
      problem: quote !== undefined && "problem" in quote ? quote.problem : null,
    }
  }),
  ticker: shownHealth(source.health()),
})

const nullableText = Schema.NullOr(Schema.String)

/** What {@link stateOf} gives, for the documentation. */
export const StateDocument = Schema.Struct({
  as_of: Schema.String,
  clock_skew_seconds: Schema.Number,
  behind_seconds: Schema.Record(Schema.String, Schema.NullOr(Schema.Number)),
  ...publishingFields,
  prices: Schema.Array(
    Schema.Struct({
      pair: Schema.String,
      symbol: Schema.String,
      /** Quote units for one base unit, as decimal text. */
      price: nullableText,
      source: nullableText,
      observed_at: nullableText,
      age_seconds: Schema.NullOr(Schema.Number),
      /** Why the newest answer has no price for the pair. */
      problem: nullableText,
    }),
  ),
  ticker: ShownHealth,
})
