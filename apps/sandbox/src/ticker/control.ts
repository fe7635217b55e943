import { DecimalString, Text } from "@landfall/domain/text"
import { Schema } from "effect"
import { controlOf, type FaultControl } from "../simulated/control.ts"

/** How the ticker's answers can be wrong beside what goes wrong on the wire. */
export const tickerFaults = [
  "service_error", // Kraken's own word for being away
  "no_result", // neither an error nor a result
  "missing_pair", // a result without the pair
  "number_price", // the price as a JSON number
  "zero_price",
  "negative_price",
  "exponent_price",
  "empty_price",
  "long_price", // more digits than any price has
] as const
export type TickerFault = (typeof tickerFaults)[number]

/** The body of each command; the client writes what the server reads. */
export const commands = {
  "set-price": Schema.Struct({ symbol: Text, price: DecimalString }),
  "remove-pair": Schema.Struct({ symbol: Text }),
} as const

/** The simulated ticker's strings, from this or any other process. */
export interface TickerControl extends FaultControl<TickerFault> {
  readonly setPrice: (symbol: string, price: string) => Promise<void>
  /** The ticker knows the pair no more. */
  readonly removePair: (symbol: string) => Promise<void>
}

/** A client for the control address and token that `startTicker` or `.sandbox/connections.json` gave. */
export const tickerControl = (controlUrl: string, token: string): TickerControl => {
  const { send, faults } = controlOf<TickerFault>("simulated ticker", controlUrl, token)
  return {
    ...faults,
    setPrice: async (symbol, price) => void (await send("set-price", { symbol, price })),
    removePair: async (symbol) => void (await send("remove-pair", { symbol })),
  }
}
