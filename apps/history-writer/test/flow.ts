import { amount } from "@landfall/domain/amount"
import { toJson } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import {
  bitcoinTransferId,
  type FundingObservation,
  type FundingStatus,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import type { Outgoing } from "./kafka-tools.ts"

/** Numbers from 0 to 1 that follow from the seed (mulberry32), so that a failure can be played again. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const life: ReadonlyArray<FundingStatus> = ["seen", "confirming", "confirming", "confirmed", "credited"]
/** Transfers under way at the same time. */
const atOnce = 400
const start_ms = Date.UTC(2026, 0, 1)
const encode = (seen: FundingObservation): string => toJson(seen)

/** The `nth` observation of a stream of transfers that live side by side, `life.length` observations each. */
const observation = (nth: number): FundingObservation => {
  const round = Math.floor(nth / (atOnce * life.length))
  const step = Math.floor(nth / atOnce) % life.length
  const transfer = round * atOnce + (nth % atOnce)
  const txid = transfer.toString(16).padStart(64, "0")
  const transfer_id = bitcoinTransferId(txid, 0)
  const first = timestamp(start_ms + transfer * 10)
  return {
    funding_observation_id: fundingObservationId(transfer_id, step + 1),
    transfer_id,
    revision: step + 1,
    account_id: "desk.near",
    asset_id: "nep141:btc.omft.near",
    chain: "bitcoin",
    funding_handle: `bcrt1q${(transfer % 500).toString(36).padStart(8, "0")}`,
    source: "bitcoind",
    tx_hash: txid,
    output_index: 0,
    status: life[step] ?? "seen",
    amount: amount(BigInt(10_000 + transfer)),
    confirmations: step,
    confirmations_required: 3,
    first_seen_at: first,
    last_seen_at: timestamp(start_ms + nth),
    observer: { state: "ok", tip_height: 800_000 + step, tip_at: first },
    cause: step === 0 ? "first_seen" : "confirmations",
  }
}

const poisonOf = (random: number, value: string): Buffer | string | null => {
  const kinds = [
    null,
    "",
    "<html>",
    value.slice(0, 100),
    value.replace('"amount":"', '"amount":"-'),
    Buffer.of(0xff),
  ]
  return kinds[Math.floor(random * kinds.length)] ?? null
}

/** How many messages of each kind a flow has. */
export interface Flow {
  readonly messages: ReadonlyArray<Outgoing>
  readonly evidence: number
  readonly duplicates: number
  readonly poison: number
}

/** So many messages: 5 % repeat one of the last few thousand, 0.5 % are poison, the rest are observations. */
export const flowOf = (count: number, seed: number): Flow => {
  const random = randomFrom(seed)
  const messages: Outgoing[] = []
  const good: Outgoing[] = []
  let duplicates = 0
  let poison = 0
  while (messages.length < count) {
    const chance = random()
    if (chance < 0.05 && good.length > 0) {
      // Far enough back to be in another batch, near enough to be in the same one at times.
      const back = Math.floor(random() ** 3 * Math.min(good.length, 5_000))
      messages.push(good[good.length - 1 - back] as Outgoing)
      duplicates++
      continue
    }
    const seen = observation(good.length)
    const message = {
      topic: fundingObservationTopic.name,
      key: fundingObservationTopic.key(seen),
      value: encode(seen),
    }
    if (chance > 0.995) {
      messages.push({ ...message, value: poisonOf(random(), message.value) })
      poison++
      continue
    }
    good.push(message)
    messages.push(message)
  }
  return { messages, evidence: good.length, duplicates, poison }
}
