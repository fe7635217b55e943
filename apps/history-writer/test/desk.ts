import { recordPolicy } from "@landfall/adapters/alerts/policy-store"
import { amount } from "@landfall/domain/amount"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { advance, createEvaluator, fold } from "@landfall/evaluators/alerts/evaluator"
import { defaultPolicyFile, readPolicy } from "@landfall/evaluators/alerts/policy"
import { tick } from "@landfall/evaluators/alerts/tick"
import type { GivenAudit } from "./given-audit.ts"

/** When the desk's morning begins; a step is ten minutes. */
export const morning_ms = Date.UTC(2026, 5, 1, 8)
export const step_ms = 600_000
/** The time of a step, and when what happened in it was written: a second later. */
export const at = (step: number): number => morning_ms + step * step_ms
export const written = (step: number): number => at(step) + 1_000

export const txHash = "ab".repeat(32)
export const transferId = bitcoinTransferId(txHash, 0)

/** An observation of the desk's one transfer. */
export const observation = (
  revision: number,
  step: number,
  seen: Partial<FundingObservation>,
): FundingObservation => ({
  funding_observation_id: fundingObservationId(transferId, revision),
  transfer_id: transferId,
  revision,
  account_id: "desk.near",
  asset_id: "btc",
  chain: "bitcoin",
  funding_handle: "bcrt1qdesk",
  source: "bitcoind",
  tx_hash: txHash,
  output_index: 0,
  status: "seen",
  amount: amount(50_000_000n),
  confirmations: 0,
  confirmations_required: 2,
  first_seen_at: timestamp(at(0)),
  last_seen_at: timestamp(at(step)),
  observer: { state: "ok", tip_height: 100, tip_at: timestamp(at(step)) },
  cause: "first_seen",
  ...seen,
})

/** A price of the pair at a step. */
export const price = (step: number, pair = "BTC/EURe"): MarketPrice => ({
  price_event_id: priceEventId(pair, "kraken", timestamp(at(step))),
  pair,
  price: "60000.1",
  source: "kraken",
  observed_at: timestamp(at(step)),
})

/** What the evaluator decided, by code and status. */
export type Decided = ReadonlyMap<string, Alert>

/**
 * A morning on the desk. Step 0: a price, and a deposit is seen; then nothing for two hours: the price grows stale, and the
 * deposit, unmined, raises. Step 13: both go on; the price and the deposit's alert clear. Step 14: it is credited.
 */
export const playMorning = async ({ database, write }: GivenAudit): Promise<Decided> => {
  const read = readPolicy(defaultPolicyFile)
  if (!read.ok) throw new Error(read.problems.join())
  const policies = await recordPolicy(database, read.policy, morning_ms - step_ms)
  const state = createEvaluator({ policies })
  const next = new Map<string, number>()
  const decided = new Map<string, Alert>()
  const happens = async (step: number, topic: AnyTopic, records: ReadonlyArray<unknown>) => {
    await write(topic, records, written(step))
    for (const record of records) {
      const offset = next.get(topic.name) ?? 0
      next.set(topic.name, offset + 1)
      fold(state, { topic: topic.name, partition: 0, offset, kafka_ms: at(step), record })
      advance(state, topic.name, 0, offset + 1)
    }
  }
  const decide = async (step: number): Promise<void> => {
    const ends = Object.fromEntries(topics.map(({ name }) => [name, { "0": next.get(name) ?? 0 }]))
    const { alerts } = tick(state, { now_ms: at(step), ends, paused: false })
    for (const alert of alerts) decided.set(`${alert.alert_code} ${alert.status}`, alert)
    await happens(step, alertTopic, alerts)
  }
  await happens(0, marketPriceTopic, [price(0)])
  await happens(0, fundingObservationTopic, [observation(1, 0, {})])
  await decide(12)
  await happens(13, marketPriceTopic, [price(13)])
  await happens(13, fundingObservationTopic, [
    observation(2, 13, {
      status: "confirming",
      confirmations: 1,
      block_hash: "cd".repeat(32),
      block_height: 101,
      cause: "mined",
    }),
  ])
  await decide(13)
  await happens(14, fundingObservationTopic, [
    observation(3, 14, {
      status: "credited",
      confirmations: 2,
      block_hash: "cd".repeat(32),
      block_height: 101,
      credited_at: timestamp(at(14)),
      bridge_status: "COMPLETED",
      bridge_deposit_tx_hash: "=1+1",
      match: "address_amount",
      cause: "credited",
    }),
  ])
  await decide(14)
  return decided
}
