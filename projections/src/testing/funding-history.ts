import { amount } from "@landfall/domain/amount"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
  gnosisTransferId,
} from "@landfall/domain/topics/funding-observation"
import fc from "fast-check"
import { interleaved } from "./interleave.ts"
import { type Handle, handle, hashOf, storyTime, units } from "./pools.ts"
import { causeOf, firstLife, type Happening, happenings, type Life, live, statusOf } from "./transfer-life.ts"

const step = fc.record({
  happening: fc.constantFrom(...happenings),
  gap_s: fc.nat({ max: 5 }),
  observer: fc.constantFrom("ok" as const, "lagging" as const, "down" as const, "paused" as const),
})

/** All that is made up about one transfer. */
interface Plan {
  readonly handle: Handle
  readonly units: bigint
  readonly required: number
  readonly start_s: number
  /** No observer saw it before it was mined: the bridge told of it first, and without a hash. */
  readonly unseen: boolean
  readonly steps: ReadonlyArray<typeof step extends fc.Arbitrary<infer Step> ? Step : never>
}

const plan: fc.Arbitrary<Plan> = fc.record({
  handle,
  units,
  required: fc.integer({ min: 1, max: 3 }),
  start_s: fc.nat({ max: 60 }),
  unseen: fc.boolean(),
  steps: fc.array(step, { maxLength: 10 }),
})

const idOf = ({ chain }: Handle, serial: number): string =>
  chain === "bitcoin"
    ? bitcoinTransferId(hashOf(chain, serial), 0)
    : gnosisTransferId("0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430", hashOf(chain, serial), 0)

/** What is known only at some times of a transfer's life. */
const extras = ({ handle: { chain }, units }: Plan, serial: number, life: Life) => ({
  ...(life.depth > 0 && { block_hash: hashOf(chain, 900_000 + life.depth), block_height: 100 + life.depth }),
  ...(life.credited_at !== null && {
    credited_at: life.credited_at,
    bridge_deposit_tx_hash: hashOf(chain, serial + 700_000),
    match: "address_amount" as const,
  }),
  ...(life.bridge !== null && { bridge_status: life.bridge }),
  ...(life.gone === "replaced" && { successor_tx_hash: hashOf(chain, serial + 800_000) }),
  ...(units < 100n && { below_minimum: true }),
})

/** One moment of a transfer's life. */
interface Moment {
  readonly happening: Happening | "first_seen"
  readonly life: Life
  readonly now_s: number
  readonly observer: FundingObservation["observer"]["state"]
  readonly hidden: boolean
}

const observation = (planned: Plan, serial: number, revision: number, moment: Moment): FundingObservation => {
  const { happening, life, now_s, observer, hidden } = moment
  const { chain } = planned.handle
  const transfer_id = idOf(planned.handle, serial)
  const status = statusOf(life, planned.required)
  // A writer that forgot what it first saw must not be able to change it.
  const rewritten = happening === "rewritten"
  return {
    funding_observation_id: fundingObservationId(transfer_id, revision),
    transfer_id,
    revision,
    ...planned.handle,
    source: hidden ? "bridge" : chain === "bitcoin" ? "bitcoind" : "evm",
    tx_hash: hidden ? null : hashOf(chain, rewritten ? serial + 500_000 : serial),
    output_index: hidden ? null : 0,
    status,
    amount: amount(planned.units),
    confirmations: life.depth,
    confirmations_required: planned.required,
    first_seen_at: storyTime(rewritten ? now_s : planned.start_s),
    last_seen_at: storyTime(now_s),
    ...extras(planned, serial, life),
    observer: {
      state: observer,
      tip_height: observer === "down" ? null : 100 + life.depth,
      tip_at: observer === "down" ? null : storyTime(now_s),
    },
    cause: happening === "first_seen" ? happening : causeOf(happening, status),
  }
}

/** The observations of one transfer; `serial` tells transfers apart. */
const observe = (planned: Plan, serial: number): ReadonlyArray<FundingObservation> => {
  let life = firstLife
  let now_s = planned.start_s
  let hidden = planned.unseen
  const observations = [
    observation(planned, serial, 1, { happening: "first_seen", life, now_s, observer: "ok", hidden }),
  ]
  for (const { happening, gap_s, observer } of planned.steps) {
    const next = live(life, happening, storyTime(now_s + gap_s))
    if (next === null) continue
    life = next
    now_s += gap_s
    hidden &&= life.depth === 0
    const moment = { happening, life, now_s, observer, hidden }
    observations.push(observation(planned, serial, observations.length + 1, moment))
  }
  return observations
}

/**
 * Histories of `ops.funding_observation`: transfers that are seen, mined, reorged, dropped, replaced, returned and
 * credited, with revisions from 1, interleaved in any order that keeps each transfer's own. Some observations come
 * with another hash or first sight than the transfer had: a projection must not believe them.
 */
export const fundingHistory: fc.Arbitrary<ReadonlyArray<FundingObservation>> = interleaved(
  fc.array(plan, { maxLength: 6 }).map((plans) => plans.map(observe)),
)
