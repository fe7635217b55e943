import { Result, Schema } from "effect"
import { limits } from "../config/limits.ts"
import { excerptOf } from "../net/request-failed.ts"
import { canonicalPrice } from "./price-text.ts"
import type { Quote, TickerShape } from "./shape.ts"
import { TickerFailed } from "./ticker-failed.ts"

const readAnswer = Schema.decodeUnknownResult(
  Schema.Struct({
    error: Schema.Array(Schema.String),
    result: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  }),
)
/** `c` is the last trade: its price and its volume. */
const readPair = Schema.decodeUnknownResult(
  Schema.Struct({ c: Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.Unknown]) }),
)

const short = (text: string): string => excerptOf(text, limits.client.excerpt_chars_max)

/** Kraken's `Ticker`: `GET …?pair=XXBTZEUR`, prices as text, errors in a list beside the result. */
export const krakenTicker: TickerShape = {
  name: "kraken",
  requests: (symbols) => [{ path: "", query: { pair: symbols.join(",") }, symbols }],
  read: (answer, { symbols }) => {
    const read = readAnswer(answer)
    if (Result.isFailure(read))
      throw new TickerFailed("malformed", `no answer in Kraken's shape (${short(read.failure.message)})`, {
        cause: read.failure,
      })
    const { error, result } = read.success
    // Warnings begin with W and come with a result.
    const errors = error.filter((text) => !text.startsWith("W"))
    if (errors.length > 0) throw new TickerFailed("ticker_error", `it answered ${short(errors.join(", "))}`)
    if (result === undefined) throw new TickerFailed("malformed", "an answer without a result")
    return new Map(symbols.map((symbol) => [symbol, quoteOf(result, symbol)]))
  },
}

const quoteOf = (result: { readonly [symbol: string]: unknown }, symbol: string): Quote => {
  if (!Object.hasOwn(result, symbol)) {
    const known = Object.keys(result).slice(0, 5).map(short).join(", ")
    return { problem: `the answer has no ${symbol}; it has ${known === "" ? "nothing" : known}` }
  }
  const pair = readPair(result[symbol])
  if (Result.isFailure(pair)) return { problem: `${symbol} has no last trade with a price as text` }
  const [last] = pair.success.c
  const price = canonicalPrice(last)
  return price === null ? { problem: `${symbol} has the price ${JSON.stringify(short(last))}` } : { price }
}
