import type { Chain, FundingStatus } from "@landfall/domain/topics/funding-observation"
import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import { chainsWithFinality, confirmationsMax, type FundingPolicy } from "./policy.ts"

/** An output that a listing should show, because it is not mined, or was mined not long ago. */
export interface ExpectedOutput {
  readonly tx_hash: string
  readonly output_index: number
  /** The block that had it; absent while it is not mined. */
  readonly block_height?: number
  /** Its hash: of two blocks at one height, which it was. */
  readonly block_hash?: string
}

/** What an observer is asked to do at the next poll. */
export interface WatchPlan {
  /** How many blocks back confirmations still matter. */
  readonly confirmations: number
  readonly expected: ReadonlyArray<ExpectedOutput>
  /** The highest tip at which something was recorded on the chain; absent before that. */
  readonly recorded_tip_height?: number
}

/** Transfers whose fate is open. A conflicted one that returns is listed again by itself. */
const open: ReadonlySet<FundingStatus> = new Set(["seen", "confirming", "dropped", "replaced", "reorged"])

/**
 * What to look for on a chain, from what is recorded. Confirmed and credited transfers stay in it while they are no
 * deeper than `tip_height` minus the plan's confirmations.
 */
export const watchPlan = (
  transfers: Iterable<FundingTransfer>,
  chain: Chain,
  policy: FundingPolicy,
  tip_height: number | null,
): WatchPlan => {
  let confirmations = confirmationsMax(policy, chain)
  const recent: Array<ExpectedOutput & { readonly block_height: number }> = []
  const expected: ExpectedOutput[] = []
  let recorded: number | null = null
  for (const row of transfers) {
    const { status, output_index, block_height, block_hash } = row
    if (row.chain !== chain || output_index === null) continue
    // A lagging observer may have shown a block above the tip that it had begun with.
    recorded = Math.max(
      recorded ?? 0,
      row.observer.tip_height ?? 0,
      row.confirmations > 0 ? (block_height ?? 0) : 0,
    )
    if (status === "seen" || status === "confirming")
      confirmations = Math.max(confirmations, row.confirmations_required)
    const isMined = row.confirmations > 0 || status === "reorged"
    // Of a transfer that the bridge named first, the chain has the successor.
    const tx_hash = (isMined ? row.successor_tx_hash : undefined) ?? row.tx_hash
    if (tx_hash === null) continue
    if (isMined && status !== "reorged" && block_height !== undefined)
      // Where finality settles a block, no depth does: what still confirms is looked for however deep it is.
      (status === "confirming" && chainsWithFinality.has(chain) ? expected : recent).push({
        tx_hash,
        output_index,
        block_height,
        ...(block_hash === undefined ? {} : { block_hash }),
      })
    else if (open.has(status)) expected.push({ tx_hash, output_index })
  }
  const oldest = tip_height === null ? 0 : tip_height - confirmations
  expected.push(...recent.filter(({ block_height }) => block_height >= oldest))
  return { confirmations, expected, ...(recorded === null ? {} : { recorded_tip_height: recorded }) }
}
