import { Result, Schema } from "effect"
import { limits } from "../config/limits.ts"
import { excerptOf } from "../net/request-failed.ts"
import { canonicalPrice } from "./price-text.ts"
import type { TickerShape } from "./shape.ts"
import { TickerFailed } from "./ticker-failed.ts"

const readAnswer = Schema.decodeUnknownResult(
  Schema.Struct({
    data: Schema.Struct({ amount: Schema.String, base: Schema.String, currency: Schema.String }),
  }),
)

/** Coinbase's spot price: `GET …/BTC-EUR/spot`, one symbol a request. */
export const coinbaseTicker: TickerShape = {
  name: "coinbase",
  requests: (symbols) =>
    symbols.map((symbol) => ({ path: `/${encodeURIComponent(symbol)}/spot`, query: {}, symbols: [symbol] })),
  read: (answer, { symbols: [symbol = ""] }) => {
    const read = readAnswer(answer)
    if (Result.isFailure(read))
      throw new TickerFailed(
        "malformed",
        `no answer in Coinbase's shape (${excerptOf(read.failure.message, limits.client.excerpt_chars_max)})`,
        { cause: read.failure },
      )
    const { amount, base, currency } = read.success.data
    const said = `${base}-${currency}`
    const price = canonicalPrice(amount)
    if (said !== symbol) return new Map([[symbol, { problem: `the answer is for ${said.slice(0, 64)}` }]])
    return new Map([
      [
        symbol,
        price === null
          ? { problem: `${symbol} has the price ${JSON.stringify(amount.slice(0, 64))}` }
          : { price },
      ],
    ])
  },
}
