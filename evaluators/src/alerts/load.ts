import { amount } from "@landfall/domain/amount"
import { timestamp } from "@landfall/domain/timestamp"
import { alertTopic } from "@landfall/domain/topics/alert"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { createEvaluator, fold } from "./evaluator.ts"
import { type AlertPolicy, defaultPolicyFile, readPolicy } from "./policy.ts"
import type { EvaluatorState } from "./state.ts"
import type { TickInput } from "./tick.ts"

/** An evaluator and a tick to give it. The alerts are not read back, so each tick with it decides the same again. */
export interface TickLoad {
  readonly state: EvaluatorState
  readonly input: TickInput
}

const defaultPolicy = (): AlertPolicy => {
  const read = readPolicy(defaultPolicyFile)
  if (!read.ok) throw new Error(`the default policy is not allowed: ${read.problems.join("; ")}`)
  return read.policy
}

/** Made without hashing: the load is about ticks, and its making should not take longer than they. */
const id = (kind: number, serial: number): string =>
  `${kind.toString(16).padStart(8, "0")}-0000-5000-8000-${serial.toString(16).padStart(12, "0")}`

const observation = (serial: number, first_seen_ms: number): FundingObservation => {
  const tx_hash = serial.toString(16).padStart(64, "0")
  const transfer_id = id(1, serial)
  const at = timestamp(first_seen_ms)
  return {
    funding_observation_id: id(2, serial),
    transfer_id,
    revision: 1,
    account_id: "desk.near",
    asset_id: "BTC",
    chain: "bitcoin",
    funding_handle: `bc1qload${serial % 1000}`,
    source: "bitcoind",
    tx_hash,
    output_index: 0,
    status: "seen",
    amount: amount(50_000n),
    confirmations: 0,
    confirmations_required: 2,
    first_seen_at: at,
    last_seen_at: at,
    observer: { state: "ok", tip_height: 100, tip_at: at },
    cause: "first_seen",
  }
}

/**
 * A load to measure: so many open transfers in the mempool, of which so many are past their window at the tick, and
 * the others within it. Deterministic; what it measures is the caller's clock.
 */
export const tickLoad = (transfers: number, due: number, now_ms = Date.UTC(2026, 10, 23)): TickLoad => {
  const policy = defaultPolicy()
  const window_ms = Number(policy.rules.funding_seen_unconfirmed["window_ms"])
  const state = createEvaluator({ policies: [{ recorded_at: timestamp(now_ms), policy }] })
  for (let serial = 0; serial < transfers; serial++) {
    // Spread, so that those that are due lie anywhere among the others.
    const isDue = Math.floor((serial * due) / transfers) !== Math.floor(((serial + 1) * due) / transfers)
    const age_ms = isDue ? window_ms + serial : (serial * 7919) % window_ms
    const record = observation(serial, now_ms - age_ms)
    fold(state, {
      topic: fundingObservationTopic.name,
      partition: 0,
      offset: serial,
      kafka_ms: now_ms - age_ms,
      record,
    })
  }
  const ends = { [fundingObservationTopic.name]: { "0": transfers }, [alertTopic.name]: { "0": 0 } }
  return { state, input: { now_ms, ends, paused: false } }
}
