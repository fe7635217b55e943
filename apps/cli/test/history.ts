import { amount } from "@landfall/domain/amount"
import { timestamp } from "@landfall/domain/timestamp"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
  gnosisTransferId,
} from "@landfall/domain/topics/funding-observation"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { defaultPolicyFile, readPolicy } from "@landfall/evaluators/alerts/policy"
import type { Message } from "./given-house.ts"

const read = readPolicy(defaultPolicyFile)
if (!read.ok) throw new Error(read.problems.join())

/** The policy that the history's alerts were decided under. */
export const { policy } = read

/** The transfers of the history. */
export const stuckHash = "ab".repeat(32)
export const creditedHash = "cd".repeat(32)
export const eureHash = `0x${"ef".repeat(32)}`
/** Begins like another transfer's hash. */
export const twinHash = `abab${"12".repeat(30)}`
export const stuckId = bitcoinTransferId(stuckHash, 0)
export const creditedId = bitcoinTransferId(creditedHash, 1)

const hour_ms = 3_600_000

const price = (pair: string, observed_ms: number): Message => {
  const observed_at = timestamp(observed_ms)
  const record: MarketPrice = {
    price_event_id: priceEventId(pair, "kraken", observed_at),
    pair,
    price: "60000.1",
    source: "kraken",
    observed_at,
  }
  return { topic: marketPriceTopic.name, record }
}

type Seen = Pick<FundingObservation, "transfer_id" | "revision"> & Partial<FundingObservation>

const observation = (seen: Seen, first_ms: number, last_ms: number): Message => {
  const record: FundingObservation = {
    funding_observation_id: fundingObservationId(seen.transfer_id, seen.revision),
    account_id: "desk.near",
    asset_id: "nep141:btc.omft.near",
    chain: "bitcoin",
    funding_handle: "bcrt1qdesk",
    source: "bitcoind",
    tx_hash: stuckHash,
    output_index: 0,
    status: "seen",
    amount: amount(50_000_000n),
    confirmations: 0,
    confirmations_required: 2,
    first_seen_at: timestamp(first_ms),
    last_seen_at: timestamp(last_ms),
    observer: { state: "ok", tip_height: 100, tip_at: timestamp(last_ms) },
    cause: "first_seen",
    ...seen,
  }
  return { topic: fundingObservationTopic.name, record }
}

/**
 * What happened on the desk, in two steps: the evaluator ticks after each. An old price and a deposit that stays unmined
 * raise; a fresh price clears. One more deposit is credited, one is EURe, and one message is no record.
 */
export const history = (now_ms: number): ReadonlyArray<ReadonlyArray<Message>> => {
  const eure = {
    chain: "gnosis",
    asset_id: "nep141:gnosis-0x420c.omft.near",
    source: "evm",
    funding_handle: "0xdesk",
  } as const
  const credited = {
    transfer_id: creditedId,
    tx_hash: creditedHash,
    output_index: 1,
    funding_handle: "bcrt1qother",
  }
  const ago = (hours: number): number => now_ms - hours * hour_ms
  return [
    [
      price("BTC/EURe", ago(1)),
      observation({ transfer_id: stuckId, revision: 1 }, ago(2), ago(2)),
      observation({ ...credited, revision: 1 }, ago(3), ago(3)),
      observation(
        { ...credited, revision: 2, status: "confirmed", confirmations: 2, cause: "confirmed" },
        ago(3),
        ago(2.5),
      ),
      { topic: fundingObservationTopic.name, key: "bitcoin:bcrt1qdesk", record: "<html>" },
    ],
    [
      price("BTC/EURe", now_ms),
      observation(
        {
          ...credited,
          revision: 3,
          status: "credited",
          confirmations: 2,
          cause: "credited",
          credited_at: timestamp(ago(2)),
          bridge_deposit_tx_hash: "99".repeat(32),
          bridge_status: "COMPLETED",
          match: "address_amount",
        },
        ago(3),
        ago(2),
      ),
      observation(
        {
          ...eure,
          transfer_id: gnosisTransferId("0x420c", eureHash, 0),
          revision: 1,
          tx_hash: eureHash,
          amount: amount(1_234_500_000_000_000_000n),
        },
        now_ms,
        now_ms,
      ),
      observation(
        { transfer_id: bitcoinTransferId(twinHash, 0), revision: 1, tx_hash: twinHash },
        now_ms,
        now_ms,
      ),
    ],
  ]
}
