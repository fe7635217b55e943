import type { AnyProjection } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"
import { readCheckpoints } from "./checkpoint.ts"

/** How a live snapshot stands. */
export interface SnapshotStanding {
  readonly projection: string
  /** The version of the projection that folded its rows. */
  readonly version: number
  /** Goes up when another table becomes live and when it is frozen: what was known of the rows is void then. */
  readonly generation: number
  /** Since when no writer folds into it, in epoch milliseconds; null while it is written. */
  readonly frozenAtMs: number | null
}

export type SnapshotStandings = ReadonlyMap<string, SnapshotStanding>

/** A snapshot table was folded by another version of its projection: going on would mix two meanings in one table. */
export class SnapshotVersionDiffers extends Error {
  override readonly name = "SnapshotVersionDiffers"
}

/** Another table has become live, or the live one was frozen, since the session began: it must begin anew. */
export class SnapshotSwapped extends Error {
  override readonly name = "SnapshotSwapped"
}

/** How each snapshot that was ever written stands, by projection. */
export const readStandings = async (transaction: Transaction): Promise<SnapshotStandings> => {
  const rows = await transaction.query<{
    projection: string
    version: number
    generation: string
    frozen_at_ms: string | null
  }>(
    `select projection, version, generation, (extract(epoch from frozen_at) * 1000)::bigint as frozen_at_ms
     from snapshot_versions`,
  )
  return new Map(
    rows.map(({ projection, version, generation, frozen_at_ms }) => [
      projection,
      {
        projection,
        version,
        generation: Number(generation),
        frozenAtMs: frozen_at_ms === null ? null : Number(frozen_at_ms),
      },
    ]),
  )
}

/** Whether a program with this projection folds into the live table: it has its version, and is not frozen. */
export const isWritten = (
  standings: SnapshotStandings,
  { name, version }: Pick<AnyProjection, "name" | "version">,
): boolean => {
  const standing = standings.get(name)
  return standing === undefined || (standing.version === version && standing.frozenAtMs === null)
}

const differs = (
  standings: SnapshotStandings,
  { name, version }: AnyProjection,
  advice: string,
): string | null => {
  const stored = standings.get(name)?.version ?? version
  return stored === version
    ? null
    : `the snapshot of ${name} is of version ${stored}, this program folds version ${version}: ${advice}`
}

/** Throws unless every snapshot that was ever written is of its projection's version and written; one never written is. */
export const requireSnapshotVersions = async (
  transaction: Transaction,
  projections: ReadonlyArray<AnyProjection>,
): Promise<void> => {
  const standings = await readStandings(transaction)
  const problems = projections.flatMap((projection) => {
    if (isWritten(standings, projection)) return []
    const advice = "rebuild it from the evidence, or run the version that wrote it"
    return (
      differs(standings, projection, advice) ??
      `the snapshot of ${projection.name} is frozen: \`landfall rebuild ${projection.name} --promote\` brings it up to date`
    )
  })
  if (problems.length > 0) throw new SnapshotVersionDiffers(`${problems.join("; ")}; nothing was written`)
}

/**
 * Throws when a session may not go on or begin: a live table is of another version and not frozen, so that what this
 * program read would be missing from it.
 */
export const requireOwnVersions = (
  standings: SnapshotStandings,
  projections: ReadonlyArray<AnyProjection>,
): void => {
  const problems = projections.flatMap((projection) =>
    standings.get(projection.name)?.frozenAtMs === null
      ? (differs(
          standings,
          projection,
          `another program has taken over; stop this one, or \`landfall rebuild ${projection.name} --promote\` with it`,
        ) ?? [])
      : [],
  )
  if (problems.length > 0) throw new SnapshotVersionDiffers(`${problems.join("; ")}; nothing was written`)
}

/** Throws unless the snapshots still stand as they did when the session began. */
export const requireSameGeneration = (known: SnapshotStandings, found: SnapshotStandings): void => {
  for (const { projection, generation } of known.values()) {
    const now = found.get(projection)?.generation
    if (now !== generation)
      throw new SnapshotSwapped(
        `the snapshot of ${projection} was swapped, frozen or mended (generation ${now}, this session began with ${generation}); going on with it as it is now`,
      )
  }
}

/**
 * Claims the snapshots for a program that begins to write: records the versions of those that were never written, and
 * freezes those of an older version, which are read as they are until the program has rebuilt them. Returns the projections
 * that it must rebuild. Throws {@link SnapshotVersionDiffers} for one of a newer version: going back is an operator's act.
 */
export const claimSnapshotVersions = async (
  transaction: Transaction,
  projections: ReadonlyArray<AnyProjection>,
): Promise<ReadonlyArray<AnyProjection>> => {
  for (const { name, version } of projections)
    await transaction.query(
      "insert into snapshot_versions (projection, version) values ($1, $2) on conflict do nothing",
      [name, version],
    )
  const claimed = await readStandings(transaction)
  if (projections.every((projection) => isWritten(claimed, projection))) return []
  // No writer is in the middle of a batch while the position is taken at which the tables stand.
  await transaction.script("lock table checkpoints in exclusive mode")
  const standings = await readStandings(transaction)
  const newer = projections.flatMap((projection) =>
    (standings.get(projection.name)?.version ?? 0) > projection.version
      ? (differs(
          standings,
          projection,
          `run the version that wrote it, or go back to this one with \`landfall rebuild ${projection.name} --promote\``,
        ) ?? [])
      : [],
  )
  if (newer.length > 0) throw new SnapshotVersionDiffers(`${newer.join("; ")}; nothing was written`)
  const due = projections.filter((projection) => !isWritten(standings, projection))
  for (const projection of due)
    if (standings.get(projection.name)?.frozenAtMs === null) await freeze(transaction, projection)
  return due
}

const freeze = async (transaction: Transaction, { name, topic }: AnyProjection): Promise<void> => {
  await transaction.query(
    "update snapshot_versions set frozen_at = now(), generation = generation + 1 where projection = $1",
    [name],
  )
  for (const { partition, nextOffset, log } of await readCheckpoints(transaction, topic.name))
    await transaction.query(
      `insert into snapshot_positions (projection, copy, topic_partition, next_offset, events) values ($1, 'live', $2, $3, $4)`,
      [name, partition, nextOffset, log.size],
    )
}
