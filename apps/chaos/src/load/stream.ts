import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { type TradeResult, tradeResultId, tradeResultTopic } from "@landfall/domain/topics/trade-result"
import type { Random } from "@landfall/simulation/world/random"
import { pause, saying } from "../waiting.ts"

/** A stream of results of trades, which the writer records and the sentinel judges. */
export interface Stream {
  /** Events that the broker has. */
  readonly sent: () => number
  readonly troubles: () => ReadonlyArray<string>
  /** Lets each pair have a success as its last word, and resolves when the broker has everything. */
  readonly stop: () => Promise<void>
}

export interface StreamOptions {
  readonly brokers: string
  readonly eventsPerSecond: number
  readonly random: Random
}

const pairsCount = 40
const portion_ms = 25
const portionMax = 500
/** Portions that may wait for the broker: each takes one of the few threads that librdkafka's calls block. */
const waitingMax = 3
/** Events that are made up for after the broker was away; what was due beyond is left out. */
const behindMax = 20_000
/** One command in so many fails: often enough that alerts are raised and cleared all the time. */
const failing = 0.002

/** The results of one command: submitted, then taken and settled, or failed. */
const resultsOf = (
  command: string,
  pair: string,
  fails: boolean,
  now_ms: number,
): ReadonlyArray<TradeResult> => {
  const result = (status: TradeResult["status"], after_ms: number): TradeResult => ({
    trade_result_id: tradeResultId(command, status),
    command_id: command,
    pair,
    status,
    ...(status === "failed"
      ? { error_code: "relay_timeout", error_message: "the relay did not answer" }
      : {}),
    occurred_at: timestamp(now_ms + after_ms),
  })
  return fails
    ? [result("submitted", 0), result("failed", 1)]
    : [result("submitted", 0), result("accepted", 1), result("settled", 2)]
}

/** Sends results of trades at an even rate until it is stopped. */
export const startStream = async ({ brokers, eventsPerSecond, random }: StreamOptions): Promise<Stream> => {
  const producer = await openBulkProducer({ brokers, clientId: "chaos-load" })
  const encode = recordEncoder(tradeResultTopic)
  const pairs = Array.from({ length: pairsCount }, (_, index) => `LOAD${index}/EURe`)
  const ending = new AbortController()
  const troubles: string[] = []
  let [sent, commands, waiting] = [0, 0, 0]
  let last_ms = 0

  const send = (results: ReadonlyArray<TradeResult>): Promise<void> => {
    waiting++
    return producer
      .send(
        results.map((result) => ({
          topic: tradeResultTopic.name,
          key: tradeResultTopic.key(result),
          value: encode(result),
        })),
      )
      .then(() => {
        sent += results.length
      })
      .catch((error: unknown) => void troubles.push(saying(error)))
      .finally(() => {
        waiting--
      })
  }
  const command = (pair: string, fails: boolean): ReadonlyArray<TradeResult> => {
    last_ms = Math.max(Date.now(), last_ms)
    return resultsOf(`chaos-${commands++}`, pair, fails, last_ms)
  }
  const began_ms = performance.now()
  let made = 0
  let leftOut = 0
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const due = Math.floor(((performance.now() - began_ms) / 1000) * eventsPerSecond) - leftOut
      leftOut += Math.max(0, due - made - behindMax)
      if (waiting < waitingMax) {
        const portion: TradeResult[] = []
        while (made + portion.length < due && portion.length < portionMax)
          portion.push(...command(random.pick(pairs), random.chance(failing)))
        made += portion.length
        if (portion.length > 0) void send(portion)
      }
      await pause(portion_ms, ending.signal)
    }
  }
  const running = run()
  return {
    sent: () => sent,
    troubles: () => troubles,
    stop: async () => {
      ending.abort()
      await running
      last_ms = Math.max(Date.now(), last_ms) + 10
      await send(pairs.flatMap((pair) => command(pair, false)))
      await producer.close()
    },
  }
}
