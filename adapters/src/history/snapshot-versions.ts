import type { AnyProjection } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"

/** A snapshot table was folded by another version of its projection: going on would mix two meanings in one table. */
export class SnapshotVersionDiffers extends Error {
  override readonly name = "SnapshotVersionDiffers"
}

/** Throws unless every snapshot that was ever written is of its projection's version; one never written is of any. */
export const requireSnapshotVersions = async (
  transaction: Transaction,
  projections: ReadonlyArray<AnyProjection>,
): Promise<void> => {
  const rows = await transaction.query<{ projection: string; version: number }>(
    "select projection, version from snapshot_versions",
  )
  const stored = new Map(rows.map(({ projection, version }) => [projection, version]))
  const differing = projections.filter(({ name, version }) => (stored.get(name) ?? version) !== version)
  if (differing.length > 0)
    throw new SnapshotVersionDiffers(
      `the snapshot of ${differing
        .map(
          ({ name, version }) =>
            `${name} is of version ${stored.get(name)}, this program folds version ${version}`,
        )
        .join("; ")}: rebuild it from the evidence, or run the version that wrote it; nothing was written`,
    )
}

/** Records the versions of snapshots that are about to be written for the first time, after {@link requireSnapshotVersions}. */
export const claimSnapshotVersions = async (
  transaction: Transaction,
  projections: ReadonlyArray<AnyProjection>,
): Promise<void> => {
  for (const { name, version } of projections)
    await transaction.query(
      "insert into snapshot_versions (projection, version) values ($1, $2) on conflict do nothing",
      [name, version],
    )
  await requireSnapshotVersions(transaction, projections)
}
