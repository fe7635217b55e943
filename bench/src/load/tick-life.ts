import { amount } from "@landfall/domain/amount"
import { timestamp } from "@landfall/domain/timestamp"
import type { Alert } from "@landfall/domain/topics/alert"
import { alertTopic } from "@landfall/domain/topics/alert"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { createEvaluator, fold } from "@landfall/evaluators/alerts/evaluator"
import { defaultPolicyFile, readPolicy } from "@landfall/evaluators/alerts/policy"
import type { EvaluatorState } from "@landfall/evaluators/alerts/state"
import { tick } from "@landfall/evaluators/alerts/tick"

/** So many transfers that go from the mempool into a block and out of it for hours, and the evaluator that watches them. */
export interface TickLife {
  readonly state: EvaluatorState
  readonly now_ms: () => number
  /** Lets half a second pass: what was observed in it is folded, the evaluator ticks, and reads its alerts back. */
  readonly step: () => Stepped
}

/** What one step did, and what its tick took. */
export interface Stepped {
  readonly events: number
  readonly alerts: number
  readonly looked_at: number
}

const tick_ms = 500
const minute_ms = 60_000
/** How long a transfer stays as it is: most change in time, one in ten is late each time it waits in the mempool. */
const usual_ms = 50 * minute_ms
const late_ms = 90 * minute_ms
const lateOneIn = 10
const started_ms = Date.UTC(2026, 10, 23)

const id = (kind: number, serial: number): string =>
  `${kind.toString(16).padStart(8, "0")}-0000-5000-8000-${serial.toString(16).padStart(12, "0")}`

/** A steady life: the same transfers all along, so that whatever grows, grows with time alone. */
export const tickLife = (transfers: number): TickLife => {
  const read = readPolicy(defaultPolicyFile)
  if (!read.ok) throw new Error(`the default policy is not allowed: ${read.problems.join("; ")}`)
  const state = createEvaluator({
    policies: [{ recorded_at: timestamp(started_ms), policy: read.policy }],
  })
  const period = (serial: number): number => (serial % lateOneIn === 0 ? late_ms : usual_ms)
  // Each has its own place in its period, so that about as many change in each step.
  const changes = Map.groupBy(
    Array.from({ length: transfers }, (_, serial) => serial),
    period,
  )
  const revisions = new Uint32Array(transfers)
  let observed = 0
  let published = 0
  let now_ms = started_ms

  const observe = (serial: number, at_ms: number): void => {
    const revision = (revisions[serial] ?? 0) + 1
    revisions[serial] = revision
    const at = timestamp(at_ms)
    const record: FundingObservation = {
      // An id of the observation's own: what is remembered of it must not be taken for that of another.
      funding_observation_id: id(revision, serial),
      transfer_id: id(0, serial),
      revision,
      account_id: "desk.near",
      asset_id: "nep141:btc.omft.near",
      chain: "bitcoin",
      funding_handle: `bc1qload${serial % 1000}`,
      source: "bitcoind",
      tx_hash: serial.toString(16).padStart(64, "0"),
      output_index: 0,
      status: revision % 2 === 1 ? "seen" : "confirmed",
      amount: amount(50_000n),
      confirmations: 0,
      confirmations_required: 2,
      first_seen_at: timestamp(started_ms),
      last_seen_at: at,
      observer: { state: "ok", tip_height: 100, tip_at: at },
      cause: "confirmations",
    }
    fold(state, {
      topic: fundingObservationTopic.name,
      partition: 0,
      offset: observed++,
      kafka_ms: at_ms,
      record,
    })
  }

  /** Reads back what was published, as the service does. */
  const readBack = (alerts: ReadonlyArray<Alert>): void => {
    for (const record of alerts)
      fold(state, {
        topic: alertTopic.name,
        partition: 0,
        offset: published++,
        kafka_ms: now_ms,
        record,
      })
  }

  for (let serial = 0; serial < transfers; serial++) observe(serial, now_ms)
  return {
    state,
    now_ms: () => now_ms,
    step: () => {
      const before = observed
      for (const [length_ms, serials] of changes) {
        const steps = length_ms / tick_ms
        const place = ((now_ms - started_ms) / tick_ms) % steps
        const from = Math.ceil((place * serials.length) / steps)
        const to = Math.ceil(((place + 1) * serials.length) / steps)
        for (let index = from; index < to; index++) observe(serials[index] as number, now_ms)
      }
      now_ms += tick_ms
      const ends = {
        [fundingObservationTopic.name]: { "0": observed },
        [alertTopic.name]: { "0": published },
      }
      const { alerts, looked_at } = tick(state, { now_ms, ends, paused: false })
      readBack(alerts)
      return { events: observed - before, alerts: alerts.length, looked_at }
    },
  }
}

/** Subjects that wait for their deadlines, in all queues. */
export const waiting = ({ sources }: EvaluatorState): number =>
  sources.reduce((sum, { queue }) => sum + queue.size(), 0)

/** Steps in an hour. */
export const ticksAnHour = 3_600_000 / tick_ms
