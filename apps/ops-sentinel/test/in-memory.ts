import type { EventReader, ReadMessage } from "@landfall/adapters/alerts/event-reader"
import { Fenced, type OutgoingMessage, PublishUncertain } from "@landfall/adapters/kafka/publisher"
import { createLog } from "@landfall/adapters/log/log"
import { recordDecoder } from "@landfall/domain/codec"
import type { Cut } from "@landfall/domain/position"
import { topicByName, topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { defaultPolicyFile, readPolicy } from "@landfall/evaluators/alerts/policy"
import { until } from "@landfall/sandbox/until"
import { onTestFinished } from "vitest"
import { createSentinel, type Turn } from "../src/sentinel.ts"

/** How the next publication goes: lost without an answer, committed without an answer, or refused for good. */
export type Fate = "lost" | "committed unanswered" | "fenced"

type Log = Map<string, Array<{ readonly record: unknown; readonly at_ms: number }>>

const max_age_ms = 1_000
const read = readPolicy({
  ...defaultPolicyFile,
  rules: { ...defaultPolicyFile.rules, reference_price_stale: { max_age_ms } },
})
if (!read.ok) throw new Error(read.problems.join())
const { policy } = read

/** A Kafka of one partition a topic and a clock, both in memory, and a sentinel that ticks only when it is asked to. */
export const givenSentinel = (
  options: {
    readonly readOnce?: () => void
    /** One before it, in whose Kafka it goes on. */
    readonly before?: { readonly log: Log; readonly now: () => number }
  } = {},
) => {
  const log: Log = options.before?.log ?? new Map(topics.map(({ name }) => [name, []]))
  let now_ms: number = options.before?.now() ?? Date.UTC(2026, 10, 23)
  let fate: Fate | null = null
  let held: Promise<void> | null = null
  let endsFail: string | null = null
  let leaderless: string | null = null
  let meanwhile = (): void => {}
  /** Offsets from here on are not delivered, though they lie before the end. */
  const hidden = new Map<string, number>()
  let readers = 0
  let opened = 0
  const turns: Turn[] = []
  const of = (topic: string) => log.get(topic) ?? []

  const openReader = async (): Promise<EventReader> => {
    readers += 1
    options.readOnce?.()
    // The own topic comes late: what it says of the others is read when they are.
    const next = new Map(topics.toReversed().map(({ name }) => [name, 0]))
    return {
      start: Object.fromEntries(topics.map(({ name }) => [name, { "0": 0 }])),
      ends: async (): Promise<Cut> => {
        const work = meanwhile
        meanwhile = () => {}
        work()
        if (endsFail !== null) throw new Error(endsFail)
        const led = topics.filter(({ name }) => name !== leaderless)
        return Object.fromEntries(led.map(({ name }) => [name, { "0": of(name).length }]))
      },
      next: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        const messages: ReadMessage[] = []
        for (const [topic, from] of next) {
          const upTo = Math.min(of(topic).length, hidden.get(topic) ?? Number.POSITIVE_INFINITY)
          for (let offset = from; offset < upTo; offset++) {
            const message = of(topic)[offset]
            if (message === undefined) continue
            const event = { topic, partition: 0, offset, kafka_ms: message.at_ms, record: message.record }
            messages.push({ topic, partition: 0, next_offset: offset + 1, event })
          }
          next.set(topic, Math.max(from, upTo))
        }
        return messages
      },
      reached: () => null,
      check: async () => {},
      close: async () => {},
    }
  }

  /** The own topic alone, which can always be read. */
  const openAlertReader = async (): Promise<EventReader> => {
    let next = 0
    return {
      start: { [alertTopic.name]: { "0": 0 } },
      ends: async () => ({ [alertTopic.name]: { "0": of(alertTopic.name).length } }),
      next: async () => {
        const topic = alertTopic.name
        const messages = of(topic)
          .slice(next)
          .map(({ record, at_ms: kafka_ms }, index) => {
            const offset = next + index
            return {
              topic,
              partition: 0,
              next_offset: offset + 1,
              event: { topic, partition: 0, offset, kafka_ms, record },
            }
          })
        next += messages.length
        return messages
      },
      reached: () => null,
      check: async () => {},
      close: async () => {},
    }
  }

  const commit = (messages: ReadonlyArray<OutgoingMessage>): void => {
    for (const { topic, value } of messages) {
      const known = topicByName(topic)
      if (known === undefined) throw new Error(`there is no ${topic}`)
      const decoded = recordDecoder(known)(Buffer.from(value))
      if (!decoded.ok) throw new Error(decoded.reason)
      of(topic).push({ record: decoded.record, at_ms: now_ms })
    }
  }

  const sentinel = createSentinel({
    publisher: {
      open: async () => {
        opened += 1
      },
      publish: async (messages) => {
        await held
        const now = fate
        fate = null
        if (now === "fenced") throw new Fenced("another instance now holds the transactional id")
        if (now !== "lost") commit(messages)
        if (now !== null) throw new PublishUncertain("no answer came")
      },
      close: async () => {},
    },
    policies: async () => [{ recorded_at: timestamp(now_ms), policy }],
    openReader,
    openAlertReader,
    tick_interval_ms: 3_600_000,
    now: () => now_ms,
    random: () => 0,
    log: createLog({ name: "test", level: "silent", hide: [] }),
    onTick: (turn) => turns.push(turn),
  })
  const ending = new AbortController()
  const done = sentinel.run(ending.signal)
  done.catch(() => {})
  onTestFinished(async () => {
    ending.abort()
    await done.catch(() => {})
  })

  return {
    log,
    now: (): number => now_ms,
    sentinel,
    done,
    turns,
    /** Resolves when the first tick was made. */
    started: () => until("the first tick", async () => sentinel.latest()),
    /** A price, perhaps of a producer whose clock is ahead, which dates the message too. */
    price: (pair: string, ahead_ms = 0) => {
      const observed_at = timestamp(now_ms + ahead_ms)
      const record = {
        price_event_id: priceEventId(pair, "test", observed_at),
        pair,
        price: "1",
        source: "test",
        observed_at,
      }
      of(marketPriceTopic.name).push({ record, at_ms: now_ms + ahead_ms })
    },
    /** Another process publishes it. */
    append: (alert: Alert) => void of(alertTopic.name).push({ record: alert, at_ms: now_ms }),
    goOn: (length_ms: number) => {
      now_ms += length_ms
    },
    /** Past the price's window. */
    goStale: () => {
      now_ms += max_age_ms
    },
    nextPublication: (next: Fate) => {
      fate = next
    },
    /** Publications wait until the returned function is called. */
    hold: (): (() => void) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
    /** Happens while the next tick reads: it has taken its instant before. */
    whileReading: (work: () => void) => {
      meanwhile = work
    },
    failEnds: (message: string | null) => {
      endsFail = message
    },
    /** A topic of which nobody can say where it ends. */
    withoutLeader: (topic: string | null) => {
      leaderless = topic
    },
    hideFrom: (topic: string, offset: number) => void hidden.set(topic, offset),
    showAll: () => hidden.clear(),
    alerts: () => of(alertTopic.name).map(({ record }) => record as Alert),
    opened: () => opened,
    readers: () => readers,
  }
}
