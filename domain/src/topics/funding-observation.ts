import { Schema } from "effect"
import { Amount } from "../amount.ts"
import { fields } from "../column.ts"
import { deterministicId, Uuid } from "../deterministic-id.ts"
import { Count, Hash, Text } from "../text.ts"
import { Timestamp } from "../timestamp.ts"
import { defineTopic } from "../topic.ts"

/** The chains that a deposit can arrive on. */
export const Chain = Schema.Literals(["bitcoin", "gnosis"])
export type Chain = typeof Chain.Type

/** Where a transfer stands, derived from the chain, the bridge and the observer. Only `credited` is spendable. */
export const FundingStatus = Schema.Literals([
  "seen",
  "confirming",
  "confirmed",
  "credited",
  "replaced",
  "conflicted",
  "dropped",
  "reorged",
])
export type FundingStatus = typeof FundingStatus.Type

/** Money that is on its way: counted in `uncredited_funding_total_by_asset`. */
export const uncreditedStatuses: ReadonlySet<FundingStatus> = new Set(["seen", "confirming", "confirmed"])

/** How well the observer stood when it spoke. Absence is evidence only from one that is `ok`. */
export const ObserverState = Schema.Literals(["ok", "lagging", "down", "paused"])
export type ObserverState = typeof ObserverState.Type

/** The observer's health at the time of an observation: its state, and the chain tip it had. */
export const ObserverHealth = Schema.Struct({
  state: ObserverState,
  tip_height: Schema.NullOr(Count),
  tip_at: Schema.NullOr(Timestamp),
})
export type ObserverHealth = typeof ObserverHealth.Type

/** How a bridge row was found to be this transfer. */
export const Match = Schema.Literals(["tx_hash", "address_amount", "aggregate"])
export type Match = typeof Match.Type

/** One observation of one inbound transfer: what had changed, and how well the observer stood. */
export const FundingObservation = Schema.Struct({
  funding_observation_id: Uuid,
  transfer_id: Uuid,
  /** Counts this transfer's observations from 1. */
  revision: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 })),
  account_id: Text,
  asset_id: Text,
  chain: Chain,
  /** The bridge-issued deposit address. */
  funding_handle: Text,
  source: Schema.Literals(["bitcoind", "esplora", "evm", "bridge"]),
  /** The chain's hash, never the bridge's; null only for a credit that no observer saw and the bridge named no hash for. */
  tx_hash: Schema.NullOr(Hash),
  /** `vout` on Bitcoin; on Gnosis the n-th matching transfer in the transaction; null when only the bridge knows it. */
  output_index: Schema.NullOr(Count),
  status: FundingStatus,
  amount: Amount,
  confirmations: Count,
  confirmations_required: Count,
  first_seen_at: Timestamp,
  last_seen_at: Timestamp,
  block_hash: Schema.optionalKey(Hash),
  block_height: Schema.optionalKey(Count),
  /** When Landfall first saw the credit; the bridge does not say. */
  credited_at: Schema.optionalKey(Timestamp),
  bridge_deposit_tx_hash: Schema.optionalKey(Text),
  /** The bridge's word as it came, also when it is unknown to us. */
  bridge_status: Schema.optionalKey(Text),
  match: Schema.optionalKey(Match),
  successor_tx_hash: Schema.optionalKey(Hash),
  below_minimum: Schema.optionalKey(Schema.Boolean),
  observer: ObserverHealth,
  /** What made this observation worth an event. */
  cause: Schema.Literals([
    "first_seen",
    "mined",
    "confirmations",
    "confirmed",
    "returned",
    "replaced",
    "conflicted",
    "dropped",
    "reorged",
    "bridge_status",
    "credited",
  ]),
})
export type FundingObservation = typeof FundingObservation.Type

/** A transfer on Bitcoin is its outpoint. */
export const bitcoinTransferId = (txid: string, vout: number): string =>
  deterministicId("transfer", `bitcoin:${txid}:${vout}`)

/** A transfer on Gnosis is its place among the matching transfers of its transaction, which survives re-mining. */
export const gnosisTransferId = (token: string, txHash: string, nth: number): string =>
  deterministicId("transfer", `gnosis:${token}:${txHash}:${nth}`)

/** A credit that no observer saw, told apart by what the bridge says of it. */
export const bridgeTransferId = (chain: Chain, bridgeIdentity: string): string =>
  deterministicId("transfer", `bridge:${chain}:${bridgeIdentity}`)

export const fundingObservationId = (transferId: string, revision: number): string =>
  deterministicId("funding_observation", transferId, revision)

export const fundingObservationTopic = defineTopic<FundingObservation>({
  name: "ops.funding_observation",
  schema: FundingObservation,
  key: (seen) => `${seen.chain}:${seen.funding_handle}`,
  id: "funding_observation_id",
  occurredAt: (seen) => seen.last_seen_at,
  evidenceTable: "funding_observations",
  columns: fields<FundingObservation>({
    transfer_id: "uuid",
    revision: "integer",
    account_id: "text",
    asset_id: "text",
    chain: "text",
    funding_handle: "text",
    tx_hash: "text",
    status: "text",
    amount: "numeric",
    last_seen_at: "timestamptz",
  }),
})
