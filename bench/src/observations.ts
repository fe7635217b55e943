import { amount } from "@landfall/domain/amount"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import {
  type FundingObservation,
  type FundingStatus,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { bitcoinTransferId, fundingObservationId } from "./fast-ids.ts"

/** A message ready to be sent. */
export interface Produced {
  readonly key: string
  readonly value: string
}

const life: ReadonlyArray<FundingStatus> = [
  "seen",
  "confirming",
  "confirming",
  "confirming",
  "confirming",
  "confirming",
  "confirmed",
  "credited",
]
/** Transfers under way at the same time, unless told: how far apart a transfer's observations lie. */
const usualWindow = 500
const start_ms = Date.UTC(2026, 0, 1)

/**
 * Observations of transfers that live side by side, eight a transfer from first sight to credit, in an order that could
 * have happened. The same count gives the same messages.
 */
export function* observations(count: number, windowTransfers = usualWindow): Generator<Produced> {
  const encode = recordEncoder(fundingObservationTopic)
  const rounds = Math.ceil(count / (windowTransfers * life.length))
  let made = 0
  for (let round = 0; round < rounds; round++) {
    for (const [step, status] of life.entries()) {
      for (let slot = 0; slot < windowTransfers && made < count; slot++, made++) {
        const seen = observation(round * windowTransfers + slot, step, status, made)
        yield { key: fundingObservationTopic.key(seen), value: encode(seen) }
      }
    }
  }
}

/** Observations of so few transfers that all fit in memory, each a confirmation more: the state stays as it is. */
export function* repeatedObservations(count: number, transfers: number): Generator<Produced> {
  const encode = recordEncoder(fundingObservationTopic)
  for (let made = 0; made < count; made++) {
    const round = Math.floor(made / transfers)
    const first = observation(made % transfers, 1, "confirming", made)
    const seen: FundingObservation = {
      ...first,
      funding_observation_id: fundingObservationId(first.transfer_id, round + 1),
      revision: round + 1,
      confirmations: round % 6,
    }
    yield { key: fundingObservationTopic.key(seen), value: encode(seen) }
  }
}

/** One observation each of so many deposits that were just seen in the mempool: nothing about them is late. */
export const openTransfers = (count: number, now_ms: number): ReadonlyArray<Produced> => {
  const encode = recordEncoder(fundingObservationTopic)
  return Array.from({ length: count }, (_, transfer) => {
    const at = timestamp(now_ms)
    const seen: FundingObservation = {
      ...observation(transfer, 0, "seen", transfer),
      first_seen_at: at,
      last_seen_at: at,
    }
    return { key: fundingObservationTopic.key(seen), value: encode(seen) }
  })
}

const observation = (
  transfer: number,
  step: number,
  status: FundingStatus,
  made: number,
): FundingObservation => {
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
    funding_handle: `bcrt1q${(transfer % 1000).toString(36).padStart(8, "0")}`,
    source: "bitcoind",
    tx_hash: txid,
    output_index: 0,
    status,
    amount: amount(BigInt(10_000 + transfer)),
    confirmations: Math.min(step, 6),
    confirmations_required: 6,
    first_seen_at: first,
    last_seen_at: timestamp(start_ms + made),
    ...(step === 0 ? {} : { block_height: 800_000 + step }),
    ...(status === "credited" ? { credited_at: timestamp(start_ms + made), match: "tx_hash" as const } : {}),
    observer: { state: "ok", tip_height: 800_000 + step, tip_at: first },
    cause: step === 0 ? "first_seen" : "confirmations",
  }
}
