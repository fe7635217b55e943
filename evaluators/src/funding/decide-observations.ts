import { timestamp } from "@landfall/domain/timestamp"
import {
  type Chain,
  type FundingObservation,
  fundingObservationId,
  type ObserverHealth,
} from "@landfall/domain/topics/funding-observation"
import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import { chainDrafts, type Known } from "./chain-drafts.ts"
import { correlate, type UnmatchedRow } from "./correlate.ts"
import type { Candidate, CreditMatch } from "./correlation-work.ts"
import { causeOf, type Draft, draftOf, recordOf, sameCredit, statusOf } from "./draft.ts"
import { type BridgeDeposit, type FundingFacts, isCredit } from "./facts.ts"
import { bridgeRowTransferId, chainHash, findHandle, hashKey, unknownHandle } from "./identity.ts"
import { assetPolicy, confirmationsRequired, type FundingPolicy } from "./policy.ts"

const noObserver: ObserverHealth = { state: "down", tip_height: null, tip_at: null }

/** The hash under which the chain carries the transfer; of one the bridge named first it may be another. */
const carrierHash = (draft: Draft): string | null =>
  draft.axis?.position === "mined" || draft.axis?.position === "reorged"
    ? (draft.axis.successor_tx_hash ?? draft.tx_hash)
    : draft.tx_hash

/** The draft with what its bridge row says. A credit, once seen, stays. */
const withBridge = (draft: Draft, { row, match }: CreditMatch, now_ms: number): Draft => {
  const { credited_at: _credited, bridge_deposit_tx_hash: before, match: _match, ...rest } = draft
  const carrier = carrierHash(draft)
  const differs = row.tx_hash !== null && (carrier === null || hashKey(row.tx_hash) !== hashKey(carrier))
  // A sum names its row even when the hash is the deposit's own: otherwise it would look like a row without one. So does
  // what was made from the row.
  const named = match === null || match === "aggregate" || draft.output_index === null || differs
  const hash = row.tx_hash === null ? before : named ? row.tx_hash : undefined
  const at = draft.row?.credited_at ?? (isCredit(row.status) ? timestamp(now_ms) : undefined)
  return {
    ...rest,
    ...(hash === undefined ? {} : { bridge_deposit_tx_hash: hash }),
    ...(at === undefined ? {} : { credited_at: at }),
    ...(match === null ? {} : { match }),
    bridge_status: row.status,
    status: statusOf(draft.axis, at !== undefined),
  }
}

/** A transfer made from a credit that no observer saw, or null for an asset that the desk does not trade. */
const creditDraft = (
  row: BridgeDeposit,
  known: Known,
  taken: (transfer_id: string) => boolean,
): Draft | null => {
  const asset = assetPolicy(known.policy, row.chain, row.asset_id)
  if (asset === undefined || !isCredit(row.status)) return null
  let nth = 0
  while (taken(bridgeRowTransferId(row, nth))) nth++
  const address = row.address === null ? unknownHandle : row.address
  const issued = findHandle(known.handles, row.chain, address)
  return {
    row: null,
    transfer_id: bridgeRowTransferId(row, nth),
    account_id: row.account_id,
    asset_id: row.asset_id,
    chain: row.chain,
    funding_handle: issued?.funding_handle ?? address,
    source: "bridge",
    tx_hash: chainHash(row.chain, row.tx_hash),
    output_index: null,
    amount: row.amount,
    confirmations_required: confirmationsRequired(asset, row.amount, false),
    first_seen_at: timestamp(known.now_ms),
    axis: null,
    credited_at: timestamp(known.now_ms),
    ...(row.tx_hash === null ? {} : { bridge_deposit_tx_hash: row.tx_hash }),
    bridge_status: row.status,
    status: "credited",
  }
}

/** When the chain had an output, where the observer says so; it may be long before it was first seen here. */
const timesOnChain = (facts: FundingFacts): ((transfer: Candidate) => number) => {
  const times_ms = new Map<string, number>()
  for (const sighting of Object.values(facts.chains))
    for (const { tx_hash, output_index, chain_time_ms } of sighting.outputs)
      if (chain_time_ms !== undefined) times_ms.set(`${tx_hash}:${output_index}`, chain_time_ms)
  return ({ tx_hash, output_index, first_seen_at }) =>
    Math.min(
      Date.parse(first_seen_at),
      times_ms.get(`${tx_hash}:${output_index}`) ?? Number.POSITIVE_INFINITY,
    )
}

/** A match can settle what another row was in doubt about; more rounds than this it never took. */
const roundsMax = 8

/**
 * Adds to the drafts what the bridge says: about transfers that were seen, and about credits that were not.
 * It goes on until the rows say nothing more, so that the next poll with the same rows has nothing to add.
 */
const addBridge = (drafts: Map<string, Draft>, facts: FundingFacts, known: Known): void => {
  if (facts.bridge.length === 0) return
  const current = new Map<string, Candidate>(known.transfers)
  for (const [transfer_id, draft] of drafts) current.set(transfer_id, draft)
  const timeOf = timesOnChain(facts)
  const isWell = (chain: Chain): boolean => facts.chains[chain]?.health.state === "ok"
  for (let round = 0; round < roundsMax; round++) {
    const { matches, unmatchedRows } = correlate(current, facts.bridge, known.policy, timeOf, isWell)
    const changed = [
      ...matches.flatMap((match) => matchedDrafts(drafts, match, known)),
      ...unmatchedRows.flatMap((unmatched) => unseenCredit(drafts, unmatched, known)),
    ]
    for (const draft of changed) current.set(draft.transfer_id, draft)
    if (changed.length === 0) return
  }
}

/** Puts what a match says into the drafts, and returns those that it changed. */
const matchedDrafts = (drafts: Map<string, Draft>, match: CreditMatch, known: Known): ReadonlyArray<Draft> =>
  match.transfer_ids.flatMap((transfer_id) => {
    const row = known.transfers.get(transfer_id)
    const before = drafts.get(transfer_id) ?? (row === undefined ? undefined : draftOf(row))
    if (before === undefined) return []
    const draft = withBridge(before, match, known.now_ms)
    if (sameCredit(before, draft)) return []
    drafts.set(transfer_id, draft)
    return [draft]
  })

/** Puts a credit that no observer saw into the drafts, and returns it. */
const unseenCredit = (
  drafts: Map<string, Draft>,
  { row, reason }: UnmatchedRow,
  known: Known,
): ReadonlyArray<Draft> => {
  if (reason !== "no_candidate") return []
  const draft = creditDraft(row, known, (id) => known.transfers.has(id) || drafts.has(id))
  if (draft === null) return []
  drafts.set(draft.transfer_id, draft)
  return [draft]
}

/**
 * What to publish after a poll: one observation for each transfer about which something changed, and nothing when
 * nothing did. It knows only what was recorded and what was seen, so deciding again after folding gives nothing.
 */
export const decideObservations = (
  transfers: ReadonlyMap<string, FundingTransfer>,
  facts: FundingFacts,
  policy: FundingPolicy,
  now_ms: number,
): FundingObservation[] => {
  const known: Known = { transfers, handles: facts.handles, policy, now_ms }
  const drafts = new Map<string, Draft>()
  const chains: ReadonlyArray<Chain> = ["bitcoin", "gnosis"]
  for (const chain of chains) {
    const sighting = facts.chains[chain]
    if (sighting === undefined) continue
    for (const [transfer_id, draft] of chainDrafts(known, chain, sighting)) drafts.set(transfer_id, draft)
  }
  addBridge(drafts, facts, known)
  const observations: FundingObservation[] = []
  for (const draft of drafts.values()) {
    const cause = causeOf(draft)
    if (cause === null) continue
    const revision = (draft.row?.revision ?? 0) + 1
    const now = timestamp(now_ms)
    const seen_before = draft.row?.last_seen_at ?? now
    observations.push({
      ...recordOf(draft, facts.chains[draft.chain]?.health ?? noObserver),
      funding_observation_id: fundingObservationId(draft.transfer_id, revision),
      revision,
      // A clock that was set back does not make an observation older than the one before it.
      last_seen_at: now < seen_before ? seen_before : now,
      cause,
    })
  }
  return observations
}
