import type { AnyProjection } from "@landfall/projections/registry"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"

/** A snapshot is being made anew beside the live one: it has read past the letter and would go without it. */
export class RebuildUnderWay extends Error {
  override readonly name = "RebuildUnderWay"
}

const named = (projections: ReadonlyArray<AnyProjection>): string =>
  arrayLiteral(projections.map(({ name }) => name))

/**
 * Sees to the tables beside the live snapshots, which have read past a letter that is to count from now on: throws
 * {@link RebuildUnderWay} for one that is being made, and drops one that was kept to go back to. Until the transaction
 * ends nobody begins another.
 */
export const forgetCopies = async (
  transaction: Transaction,
  projections: ReadonlyArray<AnyProjection>,
): Promise<void> => {
  await transaction.script("lock table snapshot_copies in share row exclusive mode")
  const copies = await transaction.query<{ projection: string; copy: string; holder: string }>(
    "select projection, copy, holder from snapshot_copies where projection = any($1::text[]) order by projection, copy",
    [named(projections)],
  )
  const shadows = copies.filter(({ copy }) => copy === "shadow")
  if (shadows.length > 0)
    throw new RebuildUnderWay(
      `${shadows.map(({ projection, holder }) => `${projection} is being rebuilt by ${holder}`).join("; ")}: promote that or give it up first, then retry; nothing was changed`,
    )
  for (const { projection, copy } of copies) {
    await transaction.query("select drop_snapshot_copy($1, $2)", [projection, copy])
    for (const table of ["snapshot_copies", "snapshot_positions"])
      await transaction.query(`delete from ${table} where projection = $1 and copy = $2`, [projection, copy])
  }
}

/** Nobody claimed a snapshot: a writer that holds rows of it could not be told. */
export class SnapshotUnclaimed extends Error {
  override readonly name = "SnapshotUnclaimed"
}

/** Makes every writer that holds rows of those projections forget them and begin its session anew. */
export const startGenerations = async (
  transaction: Transaction,
  projections: ReadonlyArray<AnyProjection>,
): Promise<void> => {
  const { count } = await transaction.query(
    "update snapshot_versions set generation = generation + 1 where projection = any($1::text[])",
    [named(projections)],
  )
  if (count !== projections.length)
    throw new SnapshotUnclaimed(
      `of the snapshots of ${projections.map(({ name }) => name).join(", ")} only ${count} were ever claimed: start a history writer of this version first; nothing was changed`,
    )
}
