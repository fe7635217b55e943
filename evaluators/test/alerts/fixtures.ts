import { amount } from "@landfall/domain/amount"
import type { Cut } from "@landfall/domain/position"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
} from "@landfall/domain/topics/funding-observation"
import { type MarketPrice, priceEventId } from "@landfall/domain/topics/market-price"
import { type TradeResult, tradeResultId } from "@landfall/domain/topics/trade-result"
import type { AnyRule } from "../../src/alerts/define-rule.ts"
import { createEvaluator, fold, foretellClamps, type ReadEvent } from "../../src/alerts/evaluator.ts"
import {
  type AlertPolicy,
  defaultPolicyFile,
  type RecordedPolicy,
  readPolicy,
} from "../../src/alerts/policy.ts"
import { tick } from "../../src/alerts/tick.ts"
import { evaluation } from "../../src/alerts/views.ts"

export const start_ms = Date.parse("2026-11-23T09:00:00.000Z")

/** The default policy with some rules' settings changed. */
export const policyWith = (
  rules: { readonly [code: string]: { readonly [setting: string]: number | string } } = {},
  lists: Partial<Pick<AlertPolicy, "expected" | "retired" | "version">> = {},
): AlertPolicy => {
  const read = readPolicy({
    ...defaultPolicyFile,
    rules: { ...defaultPolicyFile.rules, ...rules },
    ...lists,
  })
  if (!read.ok) throw new Error(read.problems.join("\n"))
  return read.policy
}

export const priceOf = (pair: string, observed_ms: number, source = "kraken"): MarketPrice => {
  const observed_at = timestamp(observed_ms)
  return {
    price_event_id: priceEventId(pair, source, observed_at),
    pair,
    price: "60000.1",
    source,
    observed_at,
  }
}

const tradeOf = (status: TradeResult["status"], occurred_ms: number, serial: number): TradeResult => {
  const command_id = `command-${serial}`
  return {
    trade_result_id: tradeResultId(command_id, status),
    command_id,
    pair: "BTC/EURe",
    status,
    occurred_at: timestamp(occurred_ms),
  }
}

export const deposit = (
  changes: Partial<FundingObservation> & { readonly at_ms: number },
): FundingObservation => {
  const { at_ms, ...rest } = changes
  const tx_hash = "ab".repeat(32)
  const transfer_id = bitcoinTransferId(tx_hash, 0)
  const revision = rest.revision ?? 1
  return {
    funding_observation_id: fundingObservationId(transfer_id, revision),
    transfer_id,
    revision,
    account_id: "desk.near",
    asset_id: "BTC",
    chain: "bitcoin",
    funding_handle: "bc1qdesk",
    source: "bitcoind",
    tx_hash,
    output_index: 0,
    status: "seen",
    amount: amount(50_000n),
    confirmations: 0,
    confirmations_required: 2,
    first_seen_at: timestamp(at_ms),
    last_seen_at: timestamp(at_ms),
    observer: { state: "ok", tip_height: 100, tip_at: timestamp(at_ms) },
    cause: "first_seen",
    ...rest,
  }
}

/** An evaluator with one partition a topic, fed by hand. */
export const desk = (
  options: {
    readonly policy?: AlertPolicy
    readonly policies?: ReadonlyArray<RecordedPolicy>
    readonly rules?: ReadonlyArray<AnyRule>
  } = {},
) => {
  const policies = options.policies ?? [
    { recorded_at: timestamp(start_ms), policy: options.policy ?? policyWith() },
  ]
  const evaluatorOptions = { policies, ...(options.rules !== undefined && { rules: options.rules }) }
  const log: ReadEvent[] = []
  let state = createEvaluator(evaluatorOptions)
  const endOf = (topic: string): number => log.filter((one) => one.topic === topic).length
  const ends = (): Cut => Object.fromEntries(topics.map(({ name }) => [name, { "0": endOf(name) }]))
  const write = (topic: string, record: unknown, kafka_ms: number): void => {
    const event = { topic, partition: 0, offset: endOf(topic), kafka_ms, record }
    log.push(event)
    fold(state, event)
  }
  return {
    log,
    ends,
    write,
    state: () => state,
    options: evaluatorOptions,
    price: (pair: string, observed_ms: number, kafka_ms = observed_ms) =>
      write("ref.market_price", priceOf(pair, observed_ms), kafka_ms),
    deposit: ({ kafka_ms, ...changes }: Parameters<typeof deposit>[0] & { readonly kafka_ms?: number }) =>
      write("ops.funding_observation", deposit(changes), kafka_ms ?? changes.at_ms),
    /** A result of a command of its own. */
    trade: (status: TradeResult["status"], occurred_ms: number, kafka_ms = occurred_ms) =>
      write("exec.trade_result", tradeOf(status, occurred_ms, endOf("exec.trade_result")), kafka_ms),
    /** A tick whose alerts are written and read back. */
    tick: (
      now_ms: number,
      changes: { readonly ends?: Cut; readonly paused?: boolean } = {},
    ): ReadonlyArray<Alert> => {
      const { alerts } = tick(state, { now_ms, ends: ends(), paused: false, ...changes })
      for (const alert of alerts) write(alertTopic.name, alert, now_ms)
      return alerts
    },
    /** Another evaluator that reads everything anew, and is told of what its own alerts say, unless it is one of before. */
    restart: ({ isForetold = true } = {}): void => {
      state = createEvaluator(evaluatorOptions)
      const own = (event: ReadEvent) => event.topic === alertTopic.name
      if (isForetold)
        foretellClamps(
          state,
          log.filter(own).map(({ record }) => record as Alert),
        )
      for (const event of [...log.filter(own), ...log.filter((one) => !own(one))]) fold(state, event)
    },
    standing: (alert_key: string) => evaluation(state, alert_key)?.state,
  }
}

/** Transitions in short: status, code, and the reason. */
export const brief = (alerts: ReadonlyArray<Alert>): ReadonlyArray<string> =>
  alerts.map(({ status, alert_code, reason }) => `${status} ${alert_code}: ${reason}`)
