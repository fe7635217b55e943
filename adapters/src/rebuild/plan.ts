import type { AnyProjection } from "@landfall/projections/registry"
import { readCheckpoints } from "../history/checkpoint.ts"
import { readStandings } from "../history/snapshot-versions.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { readCopies, readCopyPositions, type SnapshotCopy } from "./shadow.ts"

/** A table beside the live one, as it stands. */
export interface CopyStanding extends SnapshotCopy {
  /** Events that its rows were folded from. */
  readonly events: number
}

/** How a projection stands before anything is done about it. */
export interface RebuildPlan {
  /** Null for a snapshot that was never written. */
  readonly live: { readonly version: number; readonly frozenAtMs: number | null } | null
  readonly shadow: CopyStanding | null
  readonly previous: CopyStanding | null
  /** Events that the evidence of the projection's topic has by now. */
  readonly total: number
}

/** Reads how the projection stands; changes nothing. */
export const planRebuild = async (
  transaction: Transaction,
  projection: AnyProjection,
): Promise<RebuildPlan> => {
  const copies = await readCopies(transaction, projection)
  const standing = async (copy: SnapshotCopy["copy"]): Promise<CopyStanding | null> => {
    const found = copies.find((one) => one.copy === copy)
    if (found === undefined) return null
    const positions = await readCopyPositions(transaction, projection, copy)
    return { ...found, events: [...positions.values()].reduce((sum, { events }) => sum + events, 0) }
  }
  const live = (await readStandings(transaction)).get(projection.name) ?? null
  const checkpoints = await readCheckpoints(transaction, projection.topic.name)
  return {
    live: live === null ? null : { version: live.version, frozenAtMs: live.frozenAtMs },
    shadow: await standing("shadow"),
    previous: await standing("previous"),
    total: checkpoints.reduce((sum, { log }) => sum + log.size, 0),
  }
}
