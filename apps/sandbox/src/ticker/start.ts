import { conflict } from "@landfall/adapters/http/http-error"
import { command, type Simulation, type SimulationOptions, startSimulation } from "../simulated/start.ts"
import { commands, type TickerControl, tickerControl, tickerFaults } from "./control.ts"
import { answerTicker } from "./kraken.ts"

/** A simulated public ticker with Kraken's wire shape, and strings to pull. */
export interface SimulatedTicker extends Simulation {
  readonly control: TickerControl
}

/** More pairs than any desk trades. */
const pairs_max = 100

/** Starts a simulated ticker on this machine. Its url is what `PRICE_URL` is set to. */
export const startTicker = async (
  options: SimulationOptions & { readonly prices?: { readonly [symbol: string]: string } } = {},
): Promise<SimulatedTicker> => {
  const prices = new Map(Object.entries(options.prices ?? { XXBTZEUR: "60000.1" }))
  const simulation = await startSimulation(
    {
      name: "simulated-ticker",
      method: "GET",
      path: "/0/public/Ticker",
      ownFaults: tickerFaults,
      answer: ({ query }, fault) => answerTicker(prices, query, fault),
      state: () => ({ prices: Object.fromEntries(prices) }),
      routes: [
        command("set-price", commands["set-price"], "Set the last price of a pair", ({ symbol, price }) => {
          if (!prices.has(symbol) && prices.size >= pairs_max)
            throw conflict(`the simulated ticker keeps at most ${pairs_max} pairs`)
          prices.set(symbol, price)
          return { symbol, price }
        }),
        command("remove-pair", commands["remove-pair"], "Know a pair no more", ({ symbol }) => {
          prices.delete(symbol)
          return { symbol }
        }),
      ],
    },
    options,
  )
  return { ...simulation, control: tickerControl(simulation.controlUrl, simulation.token) }
}
