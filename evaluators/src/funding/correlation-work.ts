import type { FundingObservation, Match } from "@landfall/domain/topics/funding-observation"
import type { BridgeDeposit } from "./facts.ts"
import { handleKey, hashKey, unknownHandle } from "./identity.ts"

/** What correlation reads of a transfer; rows of the projection and drafts of new ones both have it. */
export type Candidate = Pick<
  FundingObservation,
  | "transfer_id"
  | "account_id"
  | "asset_id"
  | "chain"
  | "funding_handle"
  | "source"
  | "tx_hash"
  | "output_index"
  | "status"
  | "amount"
  | "first_seen_at"
  | "credited_at"
  | "bridge_deposit_tx_hash"
  | "bridge_status"
  | "match"
>

/** A bridge row and the transfers it stands for: one, or several outputs that add up to it. */
export interface CreditMatch {
  readonly transfer_ids: readonly [string, ...string[]]
  readonly row: BridgeDeposit
  /** Null for a transfer that was made from this very row, because no observer saw it. */
  readonly match: Match | null
}

/** What is left to match; each step takes from it, so that no row and no transfer is ever used twice. */
export interface Work {
  readonly rows: Set<BridgeDeposit>
  readonly transfers: Set<Candidate>
  readonly matches: CreditMatch[]
  readonly ambiguous: Set<BridgeDeposit>
  readonly window_ms: number
  readonly timeOf: (transfer: Candidate) => number
}

/** Records a match and takes its row and transfers out of the work. */
export const take = (
  work: Work,
  row: BridgeDeposit,
  transfers: readonly [Candidate, ...Candidate[]],
  match: Match | null,
): void => {
  work.rows.delete(row)
  for (const transfer of transfers) work.transfers.delete(transfer)
  const [first, ...others] = transfers
  const transfer_ids = [first.transfer_id, ...others.map((transfer) => transfer.transfer_id)] as const
  work.matches.push({ transfer_ids: [...transfer_ids], row, match })
}

/** Whether the transfer was made from a bridge row and no observer has seen it since. */
export const isBridgeBorn = (transfer: Candidate): boolean => transfer.output_index === null

/**
 * Whether it is such a transfer and turned out to be others, which were recorded under their own hashes: it shares its
 * row with them.
 */
export const isStandIn = (transfer: Candidate): boolean =>
  isBridgeBorn(transfer) && transfer.match !== undefined

/** Account, chain and asset as one key. */
export const accountKey = (of: Candidate | BridgeDeposit): string =>
  `${of.account_id}\n${of.chain}\n${of.asset_id}`

/** {@link accountKey} and the address. */
export const placeKey = (of: Candidate | BridgeDeposit): string => {
  const address = "address" in of ? of.address : of.funding_handle
  return `${accountKey(of)}\n${address === null ? unknownHandle : handleKey(of.chain, address)}`
}

/** {@link placeKey} and the amount. */
export const placeAmountKey = (of: Candidate | BridgeDeposit): string => `${placeKey(of)}\n${of.amount}`

/** {@link placeKey} and a transaction hash. */
export const placeHashKey = (of: Candidate | BridgeDeposit, hash: string): string =>
  `${placeKey(of)}\n${hashKey(hash)}`

/** Whether a row and a transfer are close enough in time; a row that names no time always is. */
export const isInWindow = (work: Work, row: BridgeDeposit, transfer: Candidate): boolean =>
  row.created_at_ms === undefined || Math.abs(row.created_at_ms - work.timeOf(transfer)) <= work.window_ms

/** The items by key, each group in the items' order. */
export const groupBy = <Item>(items: Iterable<Item>, key: (item: Item) => string): Map<string, Item[]> => {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const of = key(item)
    const group = groups.get(of)
    if (group === undefined) groups.set(of, [item])
    else group.push(item)
  }
  return groups
}
