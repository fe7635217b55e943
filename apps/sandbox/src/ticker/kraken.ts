import type { TickerFault } from "./control.ts"

/** The text of Kraken's answer to `GET /0/public/Ticker?pair=…`, right or with a fault. */
export const answerTicker = (
  prices: ReadonlyMap<string, string>,
  query: unknown,
  fault: TickerFault | null,
): string => {
  if (fault === "service_error") return JSON.stringify({ error: ["EService:Unavailable"] })
  if (fault === "no_result") return JSON.stringify({ error: [] })
  const asked = pairsOf(query)
  const unknown = asked.find((symbol) => !prices.has(symbol))
  if (asked.length === 0 || unknown !== undefined)
    return JSON.stringify({ error: ["EQuery:Unknown asset pair"] })
  const listed = fault === "missing_pair" ? asked.slice(1) : asked
  const result = Object.fromEntries(listed.map((symbol) => [symbol, row(prices.get(symbol) ?? "0", fault)]))
  return JSON.stringify({ error: [], result })
}

const pairsOf = (query: unknown): ReadonlyArray<string> => {
  const pair = typeof query === "object" && query !== null && "pair" in query ? query.pair : ""
  return typeof pair === "string" ? pair.split(",").filter((symbol) => symbol !== "") : []
}

/** One pair: ask, bid, last trade, volume, weighted average, trades, low, high, opening, all as Kraken has them. */
const row = (price: string, fault: TickerFault | null) => {
  const quoted = withDecimals(price)
  return {
    a: [quoted, "1", "1.000"],
    b: [quoted, "1", "1.000"],
    c: [lastTrade(quoted, fault), "0.00100000"],
    v: ["12.50000000", "250.00000000"],
    p: [quoted, quoted],
    t: [1_200, 24_000],
    l: [quoted, quoted],
    h: [quoted, quoted],
    o: quoted,
  }
}

/** Kraken writes at least five decimals, zeros included. */
const withDecimals = (price: string): string => {
  const [whole = "0", fraction = ""] = price.split(".")
  return `${whole}.${fraction.padEnd(5, "0")}`
}

const lastTrade = (quoted: string, fault: TickerFault | null): string | number => {
  switch (fault) {
    case "number_price":
      return Number(quoted)
    case "zero_price":
      return "0.00000"
    case "negative_price":
      return `-${quoted}`
    case "exponent_price":
      return "6e4"
    case "empty_price":
      return ""
    case "long_price":
      return `${quoted}${"1".repeat(100)}`
    default:
      return quoted
  }
}
