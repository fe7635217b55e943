import { createJsonClient, type JsonClientOptions } from "../net/json-client.ts"
import { coinbaseTicker } from "./coinbase.ts"
import { krakenTicker } from "./kraken.ts"
import type { Quote, TickerShape } from "./shape.ts"

/** The tickers that are understood, by their names. */
export const tickerShapes: ReadonlyArray<TickerShape> = [krakenTicker, coinbaseTicker]

/** A public source of reference prices. */
export interface Ticker {
  readonly name: string
  /**
   * A quote for every symbol, each a price or what is wrong with it. Rejects with `TickerFailed` or `RequestFailed`
   * when there is no usable answer at all.
   */
  readonly quotes: (
    symbols: ReadonlyArray<string>,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<ReadonlyMap<string, Quote>>
}

/** A ticker of one of the known shapes at an address such as `https://api.kraken.com/0/public/Ticker`. */
export const openTicker = (shape: TickerShape, options: Omit<JsonClientOptions, "name">): Ticker => {
  const client = createJsonClient({ ...options, name: "ticker" })
  return {
    name: shape.name,
    quotes: async (symbols, { signal } = {}) => {
      const requests = shape.requests(symbols)
      const answers = await Promise.allSettled(
        requests.map(async (request) =>
          shape.read(
            await client.get(request.path, request.query, signal === undefined ? {} : { signal }),
            request,
          ),
        ),
      )
      const failed = answers.filter((answer) => answer.status === "rejected")
      if (failed.length === answers.length) throw failed[0]?.reason ?? new RangeError("ask for a symbol")
      return new Map(
        answers.flatMap((answer, index) =>
          answer.status === "fulfilled"
            ? [...answer.value]
            : (requests[index]?.symbols ?? []).map((symbol): [string, Quote] => [
                symbol,
                { problem: answer.reason instanceof Error ? answer.reason.message : String(answer.reason) },
              ]),
        ),
      )
    },
  }
}
