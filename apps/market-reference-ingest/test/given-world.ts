import { type MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import type { RunningService } from "@landfall/sandbox/stack/services"
import { logOf, type PublisherParts, startPublisherParts } from "@landfall/sandbox/testing/publisher-parts"
import { type SimulatedTicker, startTicker } from "@landfall/sandbox/ticker/start"
import { until } from "@landfall/sandbox/until"
import type { Kafka } from "@landfall/setup/parts/kafka"
import { afterAll, beforeAll, onTestFinished } from "vitest"
import { StateDocument } from "../src/state.ts"

/** `/state` as its readers see it. */
export type State = (typeof StateDocument)["Encoded"]

/** A ticker, and a real topic. */
export interface World {
  readonly kafka: Kafka
  readonly ticker: SimulatedTicker
  /** What the desk calls the pairs here: names of this world's own. */
  readonly btc: string
  readonly eth: string
  readonly env: Readonly<Record<string, string>>
  /** Starts the service as a process; it ends with the test. */
  readonly serve: (env?: Readonly<Record<string, string>>) => Promise<RunningService>
  readonly stateOf: PublisherParts<MarketPrice, State>["stateOf"]
  readonly shows: PublisherParts<MarketPrice, State>["shows"]
  /** All that was committed for a pair so far. */
  readonly events: (pair: string) => Promise<ReadonlyArray<MarketPrice>>
  readonly prices: (pair: string) => Promise<ReadonlyArray<string>>
  /** Waits until the newest price of a pair is this one. */
  readonly newest: (pair: string, price: string) => Promise<void>
  readonly log: (service: RunningService) => Promise<string>
}

/** Starts Kafka for the tests of a file, and gives each test a world of its own. */
export const givenWorlds = (): (() => Promise<World>) => {
  let parts: PublisherParts<MarketPrice, State> | null = null
  let worlds = 0
  beforeAll(async () => {
    parts = await startPublisherParts("market-reference-ingest", marketPriceTopic, StateDocument)
  }, 120_000)
  afterAll(() => parts?.stop())

  return async () => {
    if (parts === null) throw new Error("Kafka is started before the first test")
    const { kafka, records, serve, stateOf, shows } = parts
    const world = `world-${++worlds}`
    const [btc, eth] = [`BTC/EUR${worlds}`, `ETH/EUR${worlds}`]
    const ticker = await startTicker({ prices: { XXBTZEUR: "60000.1", XETHZEUR: "2000" } })
    onTestFinished(() => ticker.stop())
    const events = async (pair: string) => (await records()).filter((event) => event.pair === pair)
    const prices = async (pair: string) => (await events(pair)).map((event) => event.price)
    const env = {
      KAFKA_BROKERS: kafka.brokers,
      KAFKA_TRANSACTIONAL_ID: `market-${worlds}`,
      PRICE_URL: ticker.url,
      PRICE_PAIRS: `${btc}=XXBTZEUR,${eth}=XETHZEUR`,
      PRICE_POLL_INTERVAL_MS: "50",
      // Longer than any test: an unchanged price is published once.
      PRICE_HEARTBEAT_MS: "3600000",
      LOG_LEVEL: "debug",
    }
    return {
      kafka,
      ticker,
      btc,
      eth,
      env,
      serve: async (more = {}) => {
        const service = await serve({ ...env, ...more }, world)
        onTestFinished(() => service.process.kill())
        return service
      },
      stateOf,
      shows,
      events,
      prices,
      newest: async (pair, price) => {
        await until(`${pair} at ${price}`, async () => ((await prices(pair)).at(-1) === price ? true : null))
      },
      log: logOf,
    }
  }
}
