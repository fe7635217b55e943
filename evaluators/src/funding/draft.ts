import type { Amount } from "@landfall/domain/amount"
import type {
  Chain,
  FundingObservation,
  FundingStatus,
  Match,
  ObserverHealth,
} from "@landfall/domain/topics/funding-observation"
import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import { type ChainAxis, recordedAxis } from "./chain-axis.ts"

/** A transfer as this poll would record it: its identity, and the axes that its status is derived from. */
export interface Draft {
  /** The recorded row, or null for a transfer that is new. */
  readonly row: FundingTransfer | null
  readonly transfer_id: string
  readonly account_id: string
  readonly asset_id: string
  readonly chain: Chain
  readonly funding_handle: string
  readonly source: FundingObservation["source"]
  readonly tx_hash: string | null
  readonly output_index: number | null
  readonly amount: Amount
  readonly confirmations_required: number
  readonly first_seen_at: string
  readonly below_minimum?: boolean
  /** Null for a transfer that only the bridge knows. */
  readonly axis: ChainAxis | null
  readonly credited_at?: string
  readonly bridge_deposit_tx_hash?: string
  readonly bridge_status?: string
  readonly match?: Match
  readonly status: FundingStatus
}

/** The status that follows from the chain and the credit. */
export const statusOf = (axis: ChainAxis | null, credited: boolean): FundingStatus => {
  if (credited && axis?.position !== "reorged") return "credited"
  if (axis === null) return "seen"
  if (axis.position === "mempool") return "seen"
  if (axis.position === "mined") return axis.settled ? "confirmed" : "confirming"
  return axis.position
}

/** The draft that records nothing new about a row. */
export const draftOf = (row: FundingTransfer): Draft => {
  const { below_minimum, credited_at, bridge_deposit_tx_hash, bridge_status, match } = row
  return {
    row,
    transfer_id: row.transfer_id,
    account_id: row.account_id,
    asset_id: row.asset_id,
    chain: row.chain,
    funding_handle: row.funding_handle,
    source: row.source,
    tx_hash: row.tx_hash,
    output_index: row.output_index,
    amount: row.amount,
    confirmations_required: row.confirmations_required,
    first_seen_at: row.first_seen_at,
    ...(below_minimum === undefined ? {} : { below_minimum }),
    axis: row.output_index === null ? null : recordedAxis(row),
    ...(credited_at === undefined ? {} : { credited_at }),
    ...(bridge_deposit_tx_hash === undefined ? {} : { bridge_deposit_tx_hash }),
    ...(bridge_status === undefined ? {} : { bridge_status }),
    ...(match === undefined ? {} : { match }),
    status: row.status,
  }
}

const negative: ReadonlySet<FundingStatus> = new Set(["replaced", "conflicted", "dropped", "reorged"])

type Cause = FundingObservation["cause"]

/** Confirmations beyond what the policy asks are no news. */
const countOf = (draft: Draft): number =>
  Math.min(draft.axis?.confirmations ?? 0, draft.confirmations_required)

/** Mined again in another block between two polls. */
const leftItsBlock = (before: ChainAxis | null, after: ChainAxis | null): boolean =>
  before?.position === "mined" &&
  after?.position === "mined" &&
  before.block_hash !== undefined &&
  before.block_hash !== after.block_hash

/** Whether the two say the same about the bridge. */
export const sameCredit = (left: Draft, right: Draft): boolean =>
  left.credited_at === right.credited_at &&
  left.bridge_status === right.bridge_status &&
  left.match === right.match &&
  left.bridge_deposit_tx_hash === right.bridge_deposit_tx_hash

/** What of the draft is worth an event, most telling first; null when nothing is. */
export const causeOf = (draft: Draft): Cause | null => {
  const before = draft.row === null ? null : draftOf(draft.row)
  if (draft.credited_at !== undefined && before?.credited_at === undefined) return "credited"
  if (before === null) return "first_seen"
  const { axis, status } = draft
  if (before.output_index === null && draft.output_index !== null) return "first_seen"
  if (leftItsBlock(before.axis, draft.axis)) return "reorged"
  if (status !== before.status || axis?.position !== before.axis?.position) {
    switch (axis?.position) {
      case "replaced":
      case "conflicted":
      case "dropped":
      case "reorged":
        return axis.position
      case "mined":
      case "mempool":
        if (negative.has(before.status)) return "returned"
        if (status === "confirmed") return "confirmed"
        return before.axis?.position === "mined" ? "confirmations" : "mined"
      case undefined:
        return "bridge_status"
    }
  }
  if (countOf(draft) !== countOf(before)) return "confirmations"
  if (axis?.successor_tx_hash !== before.axis?.successor_tx_hash)
    return axis?.position === "conflicted" ? "conflicted" : "replaced"
  return sameCredit(before, draft) ? null : "bridge_status"
}

const present = <Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value })

/** What a draft adds to the topic, apart from its id, revision, cause and time. */
export const recordOf = (
  draft: Draft,
  observer: ObserverHealth,
): Omit<FundingObservation, "funding_observation_id" | "revision" | "cause" | "last_seen_at"> => ({
  transfer_id: draft.transfer_id,
  account_id: draft.account_id,
  asset_id: draft.asset_id,
  chain: draft.chain,
  funding_handle: draft.funding_handle,
  source: draft.source,
  tx_hash: draft.tx_hash,
  output_index: draft.output_index,
  status: draft.status,
  amount: draft.amount,
  confirmations: draft.axis?.confirmations ?? 0,
  confirmations_required: draft.confirmations_required,
  first_seen_at: draft.first_seen_at,
  ...present("block_hash", draft.axis?.block_hash),
  ...present("block_height", draft.axis?.block_height),
  ...present("credited_at", draft.credited_at),
  ...present("bridge_deposit_tx_hash", draft.bridge_deposit_tx_hash),
  ...present("bridge_status", draft.bridge_status),
  ...present("match", draft.match),
  ...present("successor_tx_hash", draft.axis?.successor_tx_hash),
  ...present("below_minimum", draft.below_minimum),
  observer,
})
