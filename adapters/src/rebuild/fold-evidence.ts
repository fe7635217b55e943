import type { AnyProjection } from "@landfall/projections/registry"
import type { Checkpoint } from "../history/checkpoint.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { copyEvidence } from "./evidence-copy.ts"
import type { FoldedPartition, FoldedRows } from "./folded-rows.ts"

export interface FoldEvidenceOptions {
  readonly rows: FoldedRows
  /** How far each partition may be folded: its checkpoint. */
  readonly checkpoints: ReadonlyArray<Checkpoint>
  /** Offsets that are read at most. */
  readonly offsetsMax: number
  /** Where to stop before the checkpoints; a partition that is not named is not folded. */
  readonly until: ReadonlyMap<number, FoldedPartition> | null
  readonly onEvents: () => void
}

/** Folds evidence from where the rows stand towards the checkpoints, as the transaction sees it; returns the offsets left. */
export const foldEvidence = async (
  transaction: Transaction,
  { topic }: AnyProjection,
  { rows, checkpoints, offsetsMax, until, onEvents }: FoldEvidenceOptions,
): Promise<number> => {
  let budget = offsetsMax
  let left = 0
  for (const { partition, firstOffset, nextOffset } of checkpoints) {
    const end = until === null ? nextOffset : Math.min(nextOffset, until.get(partition)?.next ?? 0)
    const from = Math.max(rows.partition(partition).next, firstOffset)
    if (from > end) continue
    const to = Math.min(end, from + budget)
    await copyEvidence(transaction, topic, { partition, from, to }, rows.folding(partition), onEvents)
    rows.reach(partition, to)
    budget -= to - from
    left += end - to
  }
  return left
}
