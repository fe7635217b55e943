import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import type { OutgoingMessage, TransactionalPublisher } from "../../src/kafka/publisher.ts"
import { createPollingPublisher, type PollingPublisher } from "../../src/polling/polling-publisher.ts"

/** A record of the one pair at an instant. */
export const price = (text: string, at_ms: number): MarketPrice => {
  const observed_at = timestamp(at_ms)
  return {
    price_event_id: priceEventId("BTC/EURe", "kraken", observed_at),
    pair: "BTC/EURe",
    price: text,
    source: "kraken",
    observed_at,
  }
}

/** A Kafka with one topic, in memory, and a clock and an outside that the test moves. */
export interface World {
  now_ms: number
  /** What the outside says; an error is thrown. */
  outside: string | Error | (() => Promise<string>)
  /** What becomes of the next call of each kind; consumed when it happens. */
  openFails: Error | null
  publishFails: { readonly error: Error; readonly written: boolean } | null
  readonly topic: MarketPrice[]
  readonly waits: number[]
  opened: number
  closed: number
}

export interface Given {
  readonly world: World
  readonly publisher: PollingPublisher<MarketPrice>
  /** Lets the wait that is under way pass, and resolves when the next begins. */
  readonly turn: () => Promise<void>
  /** Resolves when the next wait begins. */
  readonly waiting: () => Promise<void>
}

const heartbeat_ms = 10_000
const interval_ms = 1_000

/** A polling publisher over a world in memory; it has taken its first turn when this resolves. */
export const givenPublisher = async (start: Partial<World> = {}): Promise<Given> => {
  const world: World = {
    now_ms: Date.UTC(2026, 10, 23),
    outside: "60000.1",
    openFails: null,
    publishFails: null,
    topic: [],
    waits: [],
    opened: 0,
    closed: 0,
    ...start,
  }
  let begun = Promise.withResolvers<void>()
  let pass: (() => void) | null = null
  const kafka: TransactionalPublisher = {
    open: async () => {
      world.opened += 1
      const error = world.openFails
      world.openFails = null
      if (error !== null) throw error
    },
    publish: async (messages: ReadonlyArray<OutgoingMessage>) => {
      const failure = world.publishFails
      world.publishFails = null
      if (failure === null || failure.written)
        world.topic.push(...messages.map(({ value }) => JSON.parse(value) as MarketPrice))
      if (failure !== null) throw failure.error
    },
    close: async () => {
      world.closed += 1
    },
  }
  const publisher = createPollingPublisher<MarketPrice>({
    topic: marketPriceTopic,
    same: (left, right) => left.price === right.price,
    heartbeat_ms,
    interval_ms,
    publisher: kafka,
    readPublished: async () => new Map(world.topic.map((record) => [record.pair, record])),
    poll: async (observed_at) => {
      const said = typeof world.outside === "function" ? await world.outside() : world.outside
      if (said instanceof Error) throw said
      return [price(said, Date.parse(observed_at))]
    },
    now: () => world.now_ms,
    random: () => 1,
    wait: (delay_ms, signal) =>
      new Promise<void>((resolve) => {
        world.waits.push(delay_ms)
        pass = () => {
          world.now_ms += interval_ms
          resolve()
        }
        signal.addEventListener("abort", () => resolve(), { once: true })
        const told = begun
        begun = Promise.withResolvers<void>()
        told.resolve()
      }),
  })
  const waiting = () => Promise.race([begun.promise, publisher.done.catch(() => {})])
  const first = waiting()
  publisher.start()
  await first
  return {
    world,
    publisher,
    waiting,
    turn: async () => {
      const next = waiting()
      pass?.()
      await next
    },
  }
}
