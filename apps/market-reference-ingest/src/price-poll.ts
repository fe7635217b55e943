import type { Source } from "@landfall/adapters/polling/source"
import type { Quote } from "@landfall/adapters/ticker/shape"
import type { Ticker } from "@landfall/adapters/ticker/ticker"
import type { Timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, priceEventId } from "@landfall/domain/topics/market-price"
import type { PairSymbol } from "./settings.ts"

export interface PricePollOptions {
  readonly ticker: Ticker
  /** The name of the source in the records. */
  readonly source_name: string
  readonly pairs: ReadonlyArray<PairSymbol>
  readonly source: Source<ReadonlyMap<string, Quote>>
}

/** No pair had a price: the ticker answered, and it is of no use. */
export class NoPrices extends Error {
  readonly _tag = "NoPrices"
}

/**
 * A poll of the ticker: one record for each pair that has a price. The time is when the ticker was asked, because its
 * answer holds none. A pair without a price gets no record, and so grows stale.
 */
export const pricePoll =
  ({ ticker, source_name, pairs, source }: PricePollOptions) =>
  async (observed_at: Timestamp, signal: AbortSignal): Promise<ReadonlyArray<MarketPrice>> => {
    const symbols = [...new Set(pairs.map(({ symbol }) => symbol))]
    const quotes = await source.ask(async () => {
      const answer = await ticker.quotes(symbols, { signal })
      const problems = [...answer.values()].flatMap((quote) => ("problem" in quote ? [quote.problem] : []))
      if (problems.length === symbols.length)
        throw new NoPrices(`ticker: ${problems.join("; ").slice(0, 500)}`)
      return answer
    }, signal)
    return pairs.flatMap(({ pair, symbol }): ReadonlyArray<MarketPrice> => {
      const quote = quotes.get(symbol)
      if (quote === undefined || "problem" in quote) return []
      const { price } = quote
      return [
        {
          price_event_id: priceEventId(pair, source_name, observed_at),
          pair,
          price,
          source: source_name,
          observed_at,
        },
      ]
    })
  }

/** Whether two records of a pair say the same, apart from when. */
export const samePrice = (left: MarketPrice, right: MarketPrice): boolean =>
  left.price === right.price && left.source === right.source
