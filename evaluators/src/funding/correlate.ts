import { uncreditedStatuses } from "@landfall/domain/topics/funding-observation"
import { keepMatches } from "./correlate-kept.ts"
import { joinSeen, matchByAmount, matchByHash, matchBySum } from "./correlate-new.ts"
import {
  accountKey,
  type Candidate,
  type CreditMatch,
  placeAmountKey,
  placeHashKey,
  type Work,
} from "./correlation-work.ts"
import type { BridgeDeposit } from "./facts.ts"
import { handleKey, hashKey, unknownHandle } from "./identity.ts"
import type { FundingPolicy } from "./policy.ts"

/** A bridge row that belongs to no transfer: nothing like it was seen, or more than one thing was. */
export interface UnmatchedRow {
  readonly row: BridgeDeposit
  readonly reason: "no_candidate" | "ambiguous"
}

export interface Correlation {
  readonly matches: ReadonlyArray<CreditMatch>
  readonly unmatchedRows: ReadonlyArray<UnmatchedRow>
  /** Transfers on their way that the bridge has said nothing about. */
  readonly unmatchedTransfers: () => ReadonlyArray<string>
}

const compare = (left: string | number, right: string | number): number =>
  left < right ? -1 : left > right ? 1 : 0

const byAge = (left: BridgeDeposit, right: BridgeDeposit): number =>
  compare(left.created_at_ms ?? 0, right.created_at_ms ?? 0) ||
  compare(left.tx_hash ?? "", right.tx_hash ?? "") ||
  compare(placeAmountKey(left), placeAmountKey(right)) ||
  compare(left.status, right.status)

const byFirstSight = (left: Candidate, right: Candidate): number =>
  compare(left.first_seen_at, right.first_seen_at) ||
  compare(left.output_index ?? -1, right.output_index ?? -1) ||
  compare(left.transfer_id, right.transfer_id)

/** Transfers that could have to do with one of the rows: the same address, or a hash in common. */
const concerned = (
  transfers: Iterable<Candidate>,
  rows: ReadonlyArray<BridgeDeposit>,
): ReadonlyArray<Candidate> => {
  const handles = new Set(
    rows.map(({ chain, address }) => (address === null ? unknownHandle : handleKey(chain, address))),
  )
  // A recorded hash is in the chain's form already: with 0x in front on EVM chains, without on Bitcoin.
  const hashes = new Set(
    rows.flatMap(({ tx_hash }) => (tx_hash === null ? [] : [hashKey(tx_hash), `0x${hashKey(tx_hash)}`])),
  )
  const found: Candidate[] = []
  for (const transfer of transfers) {
    const { chain, funding_handle, tx_hash, bridge_deposit_tx_hash } = transfer
    if (
      handles.has(handleKey(chain, funding_handle)) ||
      (tx_hash !== null && hashes.has(tx_hash)) ||
      (bridge_deposit_tx_hash !== undefined && hashes.has(hashKey(bridge_deposit_tx_hash)))
    )
      found.push(transfer)
  }
  return found.sort(byFirstSight)
}

const accountHashKey = (of: Candidate | BridgeDeposit, hash: string): string =>
  `${accountKey(of)}\n${hashKey(hash)}`

/** A row with the hash of a deposit we know is never a credit that nobody saw; it may be listed twice. */
const markKnownHashes = (work: Work, transfers: ReadonlyArray<Candidate>): void => {
  const known = new Set<string>()
  for (const seen of transfers) {
    if (seen.tx_hash !== null)
      known.add(placeHashKey(seen, seen.tx_hash)).add(accountHashKey(seen, seen.tx_hash))
    const credited = seen.bridge_deposit_tx_hash
    if (credited !== undefined) known.add(`${placeHashKey(seen, credited)}\n${seen.amount}`)
  }
  for (const row of work.rows) {
    if (row.tx_hash === null) continue
    const key = row.address === null ? accountHashKey(row, row.tx_hash) : placeHashKey(row, row.tx_hash)
    if (known.has(key) || known.has(`${key}\n${row.amount}`)) work.ambiguous.add(row)
  }
}

/**
 * Finds which bridge row belongs to which transfer, one to one: first what was matched before, then equal
 * hashes, then the only candidate with this address and amount in the window, then several outputs that add up.
 * The order of rows and transfers makes no difference. `isWell` says of which chains a healthy observer was just asked: there,
 * what the bridge credited unseen is found among what is seen now.
 */
export const correlate = (
  transfers: ReadonlyMap<string, Candidate>,
  bridgeRows: ReadonlyArray<BridgeDeposit>,
  policy: Pick<FundingPolicy, "match_window_ms">,
  timeOf: (transfer: Candidate) => number = (transfer) => Date.parse(transfer.first_seen_at),
  isWell: (chain: Candidate["chain"]) => boolean = () => false,
): Correlation => {
  const rows = bridgeRows.toSorted(byAge)
  const near = rows.length === 0 ? [] : concerned(transfers.values(), rows)
  const work: Work = {
    rows: new Set(rows),
    transfers: new Set(near),
    matches: [],
    ambiguous: new Set(),
    window_ms: policy.match_window_ms,
    timeOf,
  }
  keepMatches(work)
  matchByHash(work, isWell)
  matchByAmount(work, isWell)
  matchBySum(work)
  joinSeen(work, near, isWell)
  const matched = new Set(work.matches.flatMap((match) => match.transfer_ids))
  markKnownHashes(work, near)
  return {
    matches: work.matches,
    unmatchedRows: Array.from(work.rows, (row) => ({
      row,
      reason: work.ambiguous.has(row) ? "ambiguous" : "no_candidate",
    })),
    unmatchedTransfers: () =>
      Array.from(transfers.values())
        .filter(
          ({ status, match, transfer_id }) =>
            uncreditedStatuses.has(status) && match === undefined && !matched.has(transfer_id),
        )
        .map((transfer) => transfer.transfer_id),
  }
}
