import {
  accountKey,
  type Candidate,
  groupBy,
  isBridgeBorn,
  isStandIn,
  placeAmountKey,
  placeHashKey,
  placeKey,
  take,
  type Work,
} from "./correlation-work.ts"
import { type BridgeDeposit, isCredit } from "./facts.ts"
import { bridgeRowTransferId, hashKey } from "./identity.ts"
import { subsetsWithSum } from "./subset-sum.ts"

/** The hash of the row that the transfer was matched with, or null when that row had none. */
const keptHash = (transfer: Candidate): string | null => {
  const hash =
    transfer.bridge_deposit_tx_hash ?? (transfer.match === "tx_hash" ? transfer.tx_hash : undefined)
  return hash === undefined || hash === null ? null : hashKey(hash)
}

const rowHash = (row: BridgeDeposit): string | null => (row.tx_hash === null ? null : hashKey(row.tx_hash))

/** Takes the row for the transfers, and for the one that the bridge named before they were seen. */
const takeWithStandIn = (
  work: Work,
  row: BridgeDeposit,
  [first, ...others]: readonly [Candidate, ...Candidate[]],
  match: Candidate["match"] | null,
): void => {
  const standIn = [...work.transfers].find(
    (other) =>
      isStandIn(other) &&
      other !== first &&
      other.match === match &&
      placeAmountKey(other) === placeAmountKey(row) &&
      (keptHash(other) === rowHash(row) || keptHash(other) === keptHash(first)),
  )
  take(work, row, [first, ...others, ...(standIn === undefined ? [] : [standIn])], match ?? null)
}

/**
 * An earlier match by amount gives way while it has credited nothing, once hashes show a better one:
 * the row's hash is another deposit's, or this deposit's hash is another row's.
 */
const gaveWay = (work: Work): ((transfer: Candidate) => boolean) => {
  const key = (of: Candidate | BridgeDeposit, hash: string): string => `${placeAmountKey(of)}\n${hash}`
  const ofRows = new Set<string>()
  for (const row of work.rows) if (row.tx_hash !== null) ofRows.add(key(row, hashKey(row.tx_hash)))
  const ofTransfers = new Set<string>()
  for (const seen of work.transfers)
    if (seen.tx_hash !== null) ofTransfers.add(key(seen, hashKey(seen.tx_hash)))
  return (transfer) => {
    if (transfer.match !== "address_amount" || transfer.credited_at !== undefined) return false
    const kept = keptHash(transfer)
    return (
      (transfer.tx_hash !== null && ofRows.has(key(transfer, hashKey(transfer.tx_hash)))) ||
      (kept !== null && ofTransfers.has(key(transfer, kept)))
    )
  }
}

type Key = (of: Candidate | BridgeDeposit) => string

/** Pairs rows and transfers that are alike under the key and satisfy the test, in order. */
const pairAlike = (
  work: Work,
  rows: ReadonlyArray<BridgeDeposit>,
  transfers: ReadonlyArray<Candidate>,
  key: Key,
  fits: (row: BridgeDeposit, transfer: Candidate) => boolean,
): void => {
  const free = groupBy(
    rows.filter((row) => work.rows.has(row)),
    key,
  )
  for (const transfer of transfers) {
    if (!work.transfers.has(transfer)) continue
    const row = free
      .get(key(transfer))
      ?.find((candidate) => work.rows.has(candidate) && fits(candidate, transfer))
    if (row === undefined) continue
    if (isBridgeBorn(transfer)) take(work, row, [transfer], transfer.match ?? null)
    else takeWithStandIn(work, row, [transfer], transfer.match ?? null)
  }
}

const sameWord = (row: BridgeDeposit, transfer: Candidate): boolean => row.status === transfer.bridge_status

/** Keeps the earlier matches with rows that have the recorded hash; the closest in place, amount and word first. */
const keepByHash = (
  work: Work,
  transfers: ReadonlyArray<Candidate>,
  rows: ReadonlyArray<BridgeDeposit>,
): void => {
  const hashed = transfers.filter((transfer) => keptHash(transfer) !== null)
  const withHash = rows.filter((row) => row.tx_hash !== null)
  for (const place of [placeAmountKey, placeKey, accountKey]) {
    const key: Key = (of) => `${place(of)}\n${"address" in of ? rowHash(of) : keptHash(of)}`
    pairAlike(work, withHash, hashed, key, sameWord)
    pairAlike(work, withHash, hashed, key, () => true)
  }
}

/** Alike rows for which an id is tried; the bridge lists more of the same address, amount and time never. */
const alikeMax = 8

/** Whether the transfer was made from this row, or from one that is alike. */
const isMaker = (row: BridgeDeposit, transfer: Candidate): boolean =>
  Array.from({ length: alikeMax }, (_, nth) => bridgeRowTransferId(row, nth)).includes(transfer.transfer_id)

/** Whether the row can be that of an earlier match: it is not much younger than the transfer. */
const isNotLater = (work: Work, row: BridgeDeposit, transfer: Candidate): boolean =>
  row.created_at_ms === undefined || row.created_at_ms - Date.parse(transfer.first_seen_at) <= work.window_ms

/** Keeps the earlier matches whose row had no hash; the bridge may name one by now, but not another deposit's. */
const keepByPlace = (
  work: Work,
  transfers: ReadonlyArray<Candidate>,
  rows: ReadonlyArray<BridgeDeposit>,
): void => {
  const bare = transfers.filter((transfer) => keptHash(transfer) === null)
  const owners = groupBy(
    [...work.transfers].filter((transfer) => transfer.tx_hash !== null),
    (transfer) => placeHashKey(transfer, transfer.tx_hash ?? ""),
  )
  const isAnothers = (row: BridgeDeposit, transfer: Candidate): boolean =>
    row.tx_hash !== null &&
    (owners.get(placeHashKey(row, row.tx_hash)) ?? []).some((owner) => owner !== transfer)
  const fits = (row: BridgeDeposit, transfer: Candidate): boolean =>
    !isAnothers(row, transfer) && isNotLater(work, row, transfer)
  const hashless = rows.filter((row) => row.tx_hash === null)
  pairAlike(work, hashless, bare, placeAmountKey, isMaker)
  pairAlike(work, hashless, bare, placeAmountKey, (row, of) => sameWord(row, of) && fits(row, of))
  pairAlike(work, hashless, bare, placeAmountKey, fits)
  pairAlike(work, rows, bare, placeAmountKey, fits)
}

/** Keeps the rows that stand for several transfers. */
const keepSums = (
  work: Work,
  transfers: ReadonlyArray<Candidate>,
  rows: ReadonlyArray<BridgeDeposit>,
): void => {
  const key: Key = (of) => `${placeKey(of)}\n${"address" in of ? rowHash(of) : keptHash(of)}`
  const groups = groupBy(transfers, key)
  for (const row of rows) {
    if (!work.rows.has(row)) continue
    const parts = (groups.get(key(row)) ?? []).filter((transfer) => work.transfers.has(transfer))
    const [subset] = subsetsWithSum(
      parts.map((transfer) => transfer.amount),
      row.amount,
      1,
    )
    const [first, ...others] = parts.filter((_, index) => subset?.includes(index) ?? false)
    if (first !== undefined) takeWithStandIn(work, row, [first, ...others], "aggregate")
  }
}

/**
 * Keeps the matches of earlier polls. Credited transfers choose first among credits, so that none of them is left
 * with a row that is still pending.
 */
export const keepMatches = (work: Work): void => {
  const gives = gaveWay(work)
  const kept = [...work.transfers].filter(
    (transfer) => (transfer.match !== undefined || isBridgeBorn(transfer)) && !gives(transfer),
  )
  const sums = kept.filter((transfer) => transfer.match === "aggregate" && !isStandIn(transfer))
  const singles = kept.filter((transfer) => transfer.match !== "aggregate" && !isStandIn(transfer))
  const standIns = kept.filter(isStandIn)
  const credits = [...work.rows].filter((row) => isCredit(row.status))
  const isCredited = (transfer: Candidate): boolean => transfer.credited_at !== undefined
  keepSums(work, sums.filter(isCredited), credits)
  keepByHash(work, singles.filter(isCredited), credits)
  keepByPlace(work, singles.filter(isCredited), credits)
  keepSums(work, sums, [...work.rows])
  keepByHash(work, singles, [...work.rows])
  keepByPlace(work, singles, [...work.rows])
  // Its others have another row by now.
  keepByHash(work, standIns, [...work.rows])
  keepByPlace(work, standIns, [...work.rows])
}
