import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import type { GoneOutput, SeenOutput } from "./facts.ts"

/** Where a transfer stands on its chain, apart from what the bridge says. */
export interface ChainAxis {
  readonly position: "mempool" | "mined" | "replaced" | "conflicted" | "dropped" | "reorged"
  readonly confirmations: number
  /** Mined deep enough for the policy. */
  readonly settled: boolean
  readonly block_hash?: string
  readonly block_height?: number
  /** The rival of a replaced or conflicted transfer; of one the bridge named first, the hash the chain has for it. */
  readonly successor_tx_hash?: string
}

/**
 * What an observer said about one transfer. `unmined` was listed, but nobody asked the mempool about it. `by_finality`:
 * whether it is settled is the word of a finality tag and no count of blocks.
 */
export type Sight =
  | { readonly kind: "listed"; readonly axis: ChainAxis; readonly by_finality?: boolean }
  | { readonly kind: "unmined" }
  | { readonly kind: "missing" }

const unmined = { confirmations: 0, settled: false } as const

/** The chain axis of a transfer as it was last recorded. */
export const recordedAxis = (row: FundingTransfer): ChainAxis => {
  const { status, confirmations, block_hash, block_height, successor_tx_hash } = row
  const uncredited = status === "credited" ? (confirmations > 0 ? "confirming" : "seen") : status
  return {
    position:
      uncredited === "seen"
        ? "mempool"
        : uncredited === "confirming" || uncredited === "confirmed"
          ? "mined"
          : uncredited,
    confirmations,
    // Not by the count of one that is `confirming`: on a chain with finality that is enough long before it is final.
    settled: status === "confirmed" || (status === "credited" && confirmations >= row.confirmations_required),
    ...(block_hash === undefined ? {} : { block_hash }),
    ...(block_height === undefined ? {} : { block_height }),
    ...(successor_tx_hash === undefined ? {} : { successor_tx_hash }),
  }
}

/** What a listed output says about its transfer. */
export const sightOf = (output: SeenOutput, confirmations_required: number): Sight => {
  const { confirmations, block_hash, block_height, successor_tx_hash } = output
  const successor = successor_tx_hash === undefined ? {} : { successor_tx_hash }
  const listed = (axis: ChainAxis): Sight => ({
    kind: "listed",
    axis,
    by_finality: output.final !== undefined,
  })
  if (output.conflicted === true) return listed({ ...unmined, position: "conflicted", ...successor })
  if (confirmations > 0)
    return listed({
      position: "mined",
      confirmations,
      settled: output.final ?? confirmations >= confirmations_required,
      ...(block_hash === undefined ? {} : { block_hash }),
      ...(block_height === undefined ? {} : { block_height }),
    })
  if (output.in_mempool === undefined) return { kind: "unmined" }
  if (output.in_mempool) return listed({ ...unmined, position: "mempool" })
  return listed({
    ...unmined,
    position: successor_tx_hash === undefined ? "dropped" : "replaced",
    ...successor,
  })
}

/** What it says about a transfer that its observer lists no more; `undefined` is one that a complete listing lacks. */
export const sightOfGone = (gone: GoneOutput | undefined): Sight => {
  if (gone?.conflicted !== true) return { kind: "missing" }
  const { successor_tx_hash } = gone
  const successor = successor_tx_hash === undefined ? {} : { successor_tx_hash }
  return { kind: "listed", axis: { ...unmined, position: "conflicted", ...successor } }
}

/** The block that left the chain stays in the record, as evidence of which it was. */
const reorged = ({ block_hash, block_height, successor_tx_hash }: ChainAxis): ChainAxis => ({
  ...unmined,
  position: "reorged",
  ...(successor_tx_hash === undefined ? {} : { successor_tx_hash }),
  ...(block_hash === undefined ? {} : { block_hash }),
  ...(block_height === undefined ? {} : { block_height }),
})

const isAlive = (axis: ChainAxis): boolean => axis.position === "mempool" || axis.position === "mined"

/**
 * What a lagging observer may add: a block on top of what is known, never a step back or a return. The record of
 * a credited transfer does not say whether it had left the mempool, so there its first block waits.
 */
const growth = (before: ChainAxis, sight: Sight, credited: boolean): ChainAxis => {
  if (sight.kind !== "listed" || sight.axis.position !== "mined") return before
  if (before.position === "mempool") return credited ? before : sight.axis
  const sameBlock = before.block_hash === sight.axis.block_hash || before.block_hash === undefined
  return before.position === "mined" && sameBlock && sight.axis.confirmations >= before.confirmations
    ? sight.axis
    : before
}

/**
 * What was final stays final while it is in the same block: a node whose finality is behind, as one that has just been
 * started, only does not know it yet.
 */
const keepFinal = (before: ChainAxis, sight: Sight, after: ChainAxis): ChainAxis =>
  sight.kind === "listed" &&
  sight.by_finality === true &&
  before.position === "mined" &&
  before.settled &&
  before.block_hash === after.block_hash &&
  after.position === "mined"
    ? { ...after, settled: true }
    : after

/** The chain axis after a sight, for a transfer that no credit has settled. */
const openAxis = (before: ChainAxis, sight: Sight): ChainAxis => {
  const wasMined = before.position === "mined" || before.position === "reorged"
  if (sight.kind !== "listed") {
    if (wasMined) return reorged(before)
    if (sight.kind === "missing" && before.position === "mempool") return { ...unmined, position: "dropped" }
    return before
  }
  const { axis } = sight
  switch (axis.position) {
    case "mined":
      return axis
    case "mempool":
    case "dropped":
      return wasMined ? reorged(before) : axis
    case "replaced":
    case "conflicted": {
      const successor_tx_hash = axis.successor_tx_hash ?? before.successor_tx_hash
      return { ...axis, ...(successor_tx_hash === undefined ? {} : { successor_tx_hash }) }
    }
    case "reorged":
      return axis
  }
}

/**
 * The chain axis after what an observer said; the very same axis when it says nothing new. `null` is a transfer
 * that was never recorded: one that is already gone at first sight was never counted and stays unrecorded.
 * Only an observer that is `ok` can take a transfer back, or bring one back that it took.
 */
export const nextAxis = (
  before: ChainAxis | null,
  sight: Sight,
  observer: { readonly ok: boolean; readonly credited: boolean },
): ChainAxis | null => {
  if (before === null) {
    if (sight.kind === "unmined") return { ...unmined, position: "mempool" }
    return sight.kind === "listed" && isAlive(sight.axis) ? sight.axis : null
  }
  if (!observer.ok) return keepFinal(before, sight, growth(before, sight, observer.credited))
  const after = keepFinal(before, sight, openAxis(before, sight))
  if (!observer.credited || isAlive(after)) return after
  // After the credit only one thing counts: whether the block that carried the deposit is still there.
  return before.position === "mined" || before.position === "reorged" ? reorged(before) : before
}
