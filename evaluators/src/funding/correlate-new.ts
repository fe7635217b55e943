import { uncreditedStatuses } from "@landfall/domain/topics/funding-observation"
import {
  accountKey,
  type Candidate,
  type CreditMatch,
  groupBy,
  isBridgeBorn,
  isInWindow,
  placeAmountKey,
  placeKey,
  take,
  type Work,
} from "./correlation-work.ts"
import type { BridgeDeposit } from "./facts.ts"
import { hashKey } from "./identity.ts"
import { subsetsWithSum } from "./subset-sum.ts"

/**
 * Matches rows and transfers with the same transaction hash: output by output, then all outputs to an address. Where the
 * amounts differ the row may be another output's, which an observer that is not well has not shown: it waits.
 */
export const matchByHash = (work: Work, isWell: (chain: Candidate["chain"]) => boolean): void => {
  const transfersByHash = groupBy(
    [...work.transfers].filter((transfer) => transfer.tx_hash !== null),
    (transfer) => `${accountKey(transfer)}\n${hashKey(transfer.tx_hash ?? "")}`,
  )
  const rowsByHash = groupBy(
    [...work.rows].filter((row) => row.tx_hash !== null),
    (row) => `${accountKey(row)}\n${hashKey(row.tx_hash ?? "")}`,
  )
  for (const [key, rows] of rowsByHash) {
    const transfers = transfersByHash.get(key) ?? []
    const freeRows = (): BridgeDeposit[] => rows.filter((row) => work.rows.has(row))
    const freeTransfers = (): Candidate[] => transfers.filter((transfer) => work.transfers.has(transfer))
    for (const row of freeRows()) {
      const exact = freeTransfers().find((transfer) => placeAmountKey(transfer) === placeAmountKey(row))
      if (exact !== undefined) take(work, row, [exact], "tx_hash")
    }
    for (const row of freeRows()) {
      const here = freeTransfers().filter((transfer) => placeKey(transfer) === placeKey(row))
      const [first, second, ...others] = here
      if (first === undefined || freeRows().filter((other) => placeKey(other) === placeKey(row)).length > 1)
        continue
      // The hash alone decides about a single output: the bridge may have kept a fee.
      if (second === undefined) {
        if (isWell(first.chain)) take(work, row, [first], "tx_hash")
        else work.ambiguous.add(row)
      } else if (here.reduce((total, transfer) => total + transfer.amount, 0n) === row.amount)
        take(work, row, [first, second, ...others], "aggregate")
    }
    const [row, ...otherRows] = freeRows()
    const [transfer, ...otherTransfers] = freeTransfers()
    if (row === undefined || transfer === undefined) continue
    if (otherRows.length === 0 && otherTransfers.length === 0 && row.amount === transfer.amount)
      take(work, row, [transfer], "tx_hash")
    else for (const left of freeRows()) work.ambiguous.add(left)
  }
}

/** Transfers that a row with another hash may stand for: on their way, and not credited. */
const onTheirWay = (work: Work): Candidate[] =>
  [...work.transfers].filter(
    (transfer) => uncreditedStatuses.has(transfer.status) && transfer.credited_at === undefined,
  )

/**
 * Matches a row with the only transfer that has its address and amount in the window, and has no other such row. One that was not
 * in a block when the observer last was well may have been replaced since, and the row's hash be the other's: it waits.
 */
export const matchByAmount = (work: Work, isWell: (chain: Candidate["chain"]) => boolean): void => {
  const candidates = groupBy(onTheirWay(work), placeAmountKey)
  const rows = groupBy(
    [...work.rows].filter((row) => !work.ambiguous.has(row)),
    placeAmountKey,
  )
  for (const [key, alike] of rows) {
    const near = (row: BridgeDeposit): Candidate[] =>
      (candidates.get(key) ?? []).filter((transfer) => isInWindow(work, row, transfer))
    const pairs = alike.map((row) => ({ row, transfers: near(row) }))
    const rivals = (transfer: Candidate): number =>
      pairs.filter((pair) => pair.transfers.includes(transfer)).length
    for (const { row, transfers } of pairs) {
      const [only, ...others] = transfers
      if (only === undefined) continue
      const mayBeReplaced = row.tx_hash !== null && only.status === "seen" && !isWell(only.chain)
      if (others.length === 0 && rivals(only) === 1 && !mayBeReplaced)
        take(work, row, [only], "address_amount")
      else work.ambiguous.add(row)
    }
  }
}

/** Matches a row with several outputs to its address that add up to it, when only one choice of them does. */
export const matchBySum = (work: Work): void => {
  const candidates = groupBy(onTheirWay(work), placeKey)
  const choices = [...work.rows]
    .filter((row) => !work.ambiguous.has(row))
    .map((row) => {
      const parts = (candidates.get(placeKey(row)) ?? []).filter(
        (transfer) => transfer.amount < row.amount && isInWindow(work, row, transfer),
      )
      const subsets = subsetsWithSum(
        parts.map((transfer) => transfer.amount),
        row.amount,
        2,
      )
      return { row, subsets: subsets.map((subset) => parts.filter((_, index) => subset.includes(index))) }
    })
    .filter(({ subsets }) => subsets.length > 0)
  const wanted = (transfer: Candidate): number =>
    choices.filter(({ subsets }) => subsets.some((subset) => subset.includes(transfer))).length
  for (const { row, subsets } of choices) {
    const [subset, ...others] = subsets
    const [first, ...rest] = subset ?? []
    const clear = others.length === 0 && (subset ?? []).every((transfer) => wanted(transfer) === 1)
    if (first !== undefined && clear) take(work, row, [first, ...rest], "aggregate")
    else work.ambiguous.add(row)
  }
}

const minedStatuses: ReadonlySet<Candidate["status"]> = new Set(["confirming", "confirmed"])

/** A transfer that the bridge named before it was seen, in the match with its row. */
interface Unseen {
  readonly match: CreditMatch
  readonly born: Candidate
}

const unseenOf = (work: Work, near: ReadonlyArray<Candidate>): ReadonlyArray<Unseen> => {
  const born = new Map(
    near
      .filter((transfer) => isBridgeBorn(transfer) && transfer.credited_at !== undefined)
      .map((transfer) => [transfer.transfer_id, transfer]),
  )
  return work.matches.flatMap((match) => {
    const of = match.match === null ? born.get(match.transfer_ids[0]) : undefined
    return of === undefined ? [] : [{ match, born: of }]
  })
}

/**
 * Finds recorded transfers that are what the bridge credited before they were seen, or while they were called gone: mined
 * now, on the chain before the credit was seen, and the only ones with its address and amount, or that add up to it.
 * They are credited by the same row, beside the transfer that was made from it. Only where a healthy observer was just
 * asked: a lagging one may not show what else there is.
 */
export const joinSeen = (
  work: Work,
  near: ReadonlyArray<Candidate>,
  isWell: (chain: Candidate["chain"]) => boolean,
): void => {
  const mined = groupBy(
    onTheirWay(work).filter(({ status, chain }) => minedStatuses.has(status) && isWell(chain)),
    placeKey,
  )
  const choices = unseenOf(work, near).flatMap(({ match, born }) => {
    const before = (mined.get(placeKey(born)) ?? []).filter((transfer) => {
      const earlier_ms = Date.parse(born.first_seen_at) - work.timeOf(transfer)
      return earlier_ms >= 0 && earlier_ms <= work.window_ms && isInWindow(work, match.row, transfer)
    })
    const alike = before.filter(({ amount }) => amount === born.amount)
    const parts = before.filter(({ amount }) => amount < born.amount)
    const sums = subsetsWithSum(
      parts.map(({ amount }) => amount),
      born.amount,
      2,
    )
    const subsets =
      alike.length > 0
        ? alike.map((transfer) => [transfer])
        : sums.map((sum) => parts.filter((_, index) => sum.includes(index)))
    return subsets.length === 0 ? [] : [{ match, subsets }]
  })
  for (const { match, subsets } of choices) {
    const [subset, ...others] = subsets
    const wanted = (transfer: Candidate): number =>
      choices.filter((choice) => choice.subsets.some((one) => one.includes(transfer))).length
    if (subset === undefined || others.length > 0 || !subset.every((transfer) => wanted(transfer) === 1))
      continue
    for (const transfer of subset) work.transfers.delete(transfer)
    work.matches[work.matches.indexOf(match)] = {
      ...match,
      transfer_ids: [...match.transfer_ids, ...subset.map(({ transfer_id }) => transfer_id)],
      match: subset.length > 1 ? "aggregate" : "address_amount",
    }
  }
}
