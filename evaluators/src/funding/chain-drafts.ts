import { timestamp } from "@landfall/domain/timestamp"
import type { Chain } from "@landfall/domain/topics/funding-observation"
import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import { type Adoption, adoptions } from "./adopt.ts"
import { type ChainAxis, nextAxis, recordedAxis, type Sight, sightOf, sightOfGone } from "./chain-axis.ts"
import { type Draft, draftOf, statusOf } from "./draft.ts"
import type { ChainSighting, KnownHandle, SeenOutput } from "./facts.ts"
import { findHandle, outputTransferId } from "./identity.ts"
import { assetPolicy, confirmationsRequired, type FundingPolicy } from "./policy.ts"

/** What the decision knows beside the sighting. */
export interface Known {
  readonly transfers: ReadonlyMap<string, FundingTransfer>
  readonly handles: ReadonlyArray<KnownHandle>
  readonly policy: FundingPolicy
  readonly now_ms: number
}

const withAxis = (draft: Draft, axis: ChainAxis): Draft => ({
  ...draft,
  axis,
  status: statusOf(axis, draft.credited_at !== undefined),
})

/** A transfer at its first sight, or null when it is already gone, or in no asset that the desk trades. */
const firstDraft = (
  known: Known,
  chain: Chain,
  sighting: ChainSighting,
  output: SeenOutput,
): Draft | null => {
  const handle = findHandle(known.handles, chain, output.funding_handle)
  const asset = handle === undefined ? undefined : assetPolicy(known.policy, chain, handle.asset_id)
  if (handle === undefined || asset === undefined) return null
  const required = confirmationsRequired(asset, output.amount, output.coinbase ?? false)
  const axis = nextAxis(null, sightOf(output, required), {
    ok: sighting.health.state === "ok",
    credited: false,
  })
  if (axis === null) return null
  return {
    row: null,
    transfer_id: outputTransferId(chain, output),
    account_id: handle.account_id,
    asset_id: handle.asset_id,
    chain,
    funding_handle: handle.funding_handle,
    source: output.source ?? sighting.source,
    tx_hash: output.tx_hash,
    output_index: output.output_index,
    amount: output.amount,
    confirmations_required: required,
    first_seen_at: timestamp(known.now_ms),
    ...(output.amount < asset.min_deposit_amount ? { below_minimum: true } : {}),
    axis,
    status: statusOf(axis, false),
  }
}

/** A recorded transfer after a sight, or null when nothing new was said. */
const nextDraft = (row: FundingTransfer, sighting: ChainSighting, sight: Sight): Draft | null => {
  const draft = draftOf(row)
  const observer = { ok: sighting.health.state === "ok", credited: row.credited_at !== undefined }
  const before = recordedAxis(row)
  const axis = nextAxis(before, sight, observer)
  return axis === null || axis === before ? null : withAxis(draft, axis)
}

/** A transfer that the bridge named first, now that the chain shows it: it goes on under its own id. */
const adoptedDraft = (adoption: Adoption, sighting: ChainSighting, output: SeenOutput): Draft | null => {
  const { row, match } = adoption
  const sight = sightOf(output, row.confirmations_required)
  const renamed = row.tx_hash !== null && row.tx_hash !== output.tx_hash
  const named: Sight =
    sight.kind === "listed" && renamed && sight.axis.position === "mined"
      ? { kind: "listed", axis: { ...sight.axis, successor_tx_hash: output.tx_hash } }
      : sight
  if (row.output_index !== null) return nextDraft(row, sighting, named)
  const axis = nextAxis(null, named, { ok: sighting.health.state === "ok", credited: true })
  if (axis === null) return null
  const source = output.source ?? sighting.source
  const { tx_hash, output_index } = output
  return withAxis({ ...draftOf(row), source, tx_hash: row.tx_hash ?? tx_hash, output_index, match }, axis)
}

/** Recorded transfers that an `ok` observer says are gone, or that its complete listing lacks. */
const missingRows = (known: Known, chain: Chain, sighting: ChainSighting, listed: ReadonlySet<string>) => {
  if (sighting.health.state !== "ok") return []
  const gone = new Map(sighting.gone.map((output) => [`${output.tx_hash}:${output.output_index}`, output]))
  if (gone.size === 0 && !sighting.complete) return []
  return Array.from(known.transfers.values()).flatMap((row) => {
    if (row.chain !== chain || row.output_index === null || listed.has(row.transfer_id)) return []
    const named =
      gone.get(`${row.tx_hash}:${row.output_index}`) ??
      gone.get(`${row.successor_tx_hash}:${row.output_index}`)
    const lacking = sighting.complete && findHandle(known.handles, chain, row.funding_handle) !== undefined
    return named === undefined && !lacking ? [] : [{ row, sight: sightOfGone(named) }]
  })
}

/** What the chain says that is new, by transfer id. An observer that is down or paused says nothing. */
export const chainDrafts = (
  known: Known,
  chain: Chain,
  sighting: ChainSighting,
): ReadonlyMap<string, Draft> => {
  const drafts = new Map<string, Draft>()
  const { state } = sighting.health
  if (state === "down" || state === "paused") return drafts
  const listed = new Set<string>()
  const strangers: SeenOutput[] = []
  const uncredited: SeenOutput[] = []
  for (const output of sighting.outputs) {
    const transfer_id = outputTransferId(chain, output)
    if (listed.has(transfer_id)) continue
    listed.add(transfer_id)
    const row = known.transfers.get(transfer_id)
    if (row === undefined) strangers.push(output)
    else {
      if (row.credited_at === undefined && output.confirmations > 0) uncredited.push(output)
      record(nextDraft(row, sighting, sightOf(output, row.confirmations_required)))
    }
  }
  const { match_window_ms } = known.policy
  const adopted = adoptions(known.transfers, chain, strangers, match_window_ms, uncredited)
  for (const output of strangers) {
    const adoption = adopted.get(`${output.tx_hash}:${output.output_index}`)
    if (adoption !== undefined) listed.add(adoption.row.transfer_id)
    record(
      adoption === undefined
        ? firstDraft(known, chain, sighting, output)
        : adoptedDraft(adoption, sighting, output),
    )
  }
  for (const { row, sight } of missingRows(known, chain, sighting, listed))
    record(nextDraft(row, sighting, sight))
  return drafts

  function record(draft: Draft | null): void {
    if (draft !== null) drafts.set(draft.transfer_id, draft)
  }
}
