import type { AnyProjection } from "@landfall/projections/registry"
import { type Database, DatabaseError, type Transaction } from "../postgres/transaction.ts"
import { withRebuildLock } from "./lock.ts"
import { type RebuildOptions, RebuildRefused, type Rebuilt } from "./options.ts"
import { Rebuilding } from "./rebuilding.ts"
import { createShadow, dropShadow, readCopies, recallPrevious, type SnapshotCopy } from "./shadow.ts"

/**
 * Makes a projection's rows again in a table beside the live one, which is read and written meanwhile; goes on with one
 * that was begun; tells the difference at an equal position; and promotes it, if asked, in one short transaction. Locked
 * against every other process. Throws {@link RebuildRefused} and its like with what to do; then nothing was promoted.
 */
export const rebuildProjection = (
  database: Database,
  projection: AnyProjection,
  options: RebuildOptions = {},
): Promise<Rebuilt> =>
  withRebuildLock(database, projection, async (relock) => {
    const rebuilding = new Rebuilding(database, projection, options, relock)
    await rebuilding.open((transaction, copies, holder) =>
      openShadow(transaction, projection, options, copies, holder),
    )
    return rebuilding.finish()
  }).catch(explain)

/**
 * Puts the previous table back, brought up to date with what came in since it was live; what is live becomes the previous
 * one. Throws {@link RebuildRefused} when there is none, or when it is of a version that this program does not fold.
 */
export const rollBackProjection = (
  database: Database,
  projection: AnyProjection,
  options: Omit<RebuildOptions, "from" | "topics" | "fresh" | "promote"> = {},
): Promise<Rebuilt> =>
  withRebuildLock(database, projection, async (relock) => {
    const rebuilding = new Rebuilding(database, projection, { ...options, promote: true }, relock)
    await rebuilding.open((transaction, copies, holder) =>
      openPrevious(transaction, projection, copies, holder),
    )
    return rebuilding.finish()
  }).catch(explain)

/** Drops the shadow of a rebuild that is not to be promoted; false when there was none. */
export const giveUpRebuild = (database: Database, projection: AnyProjection): Promise<boolean> =>
  withRebuildLock(database, projection, (relock) =>
    database.transaction(async (transaction) => {
      await relock(transaction)
      const shadow = find(await readCopies(transaction, projection), "shadow")
      if (shadow !== undefined) await dropShadow(transaction, projection)
      return shadow !== undefined
    }),
  )

/** SQLSTATE `disk_full`. */
const diskFull = "53100"

/** What a person can do about it. */
const explain = (error: unknown): never => {
  if (error instanceof DatabaseError && error.code === diskFull)
    throw new RebuildRefused(
      `PostgreSQL has no space left for the rebuilt table: nothing was promoted and the live table is as it was; make room and run it again to go on, or give the rebuild up to free what it took (${error.message})`,
    )
  throw error
}

const find = (copies: ReadonlyArray<SnapshotCopy>, copy: SnapshotCopy["copy"]): SnapshotCopy | undefined =>
  copies.find((one) => one.copy === copy)

/** The shadow to go on with, or a new and empty one. */
const openShadow = async (
  transaction: Transaction,
  projection: AnyProjection,
  { from = "evidence", fresh = false }: RebuildOptions,
  copies: ReadonlyArray<SnapshotCopy>,
  holder: string,
): Promise<{ readonly source: SnapshotCopy["source"]; readonly resumed: boolean }> => {
  const shadow = find(copies, "shadow")
  if (!fresh && shadow?.version === projection.version && shadow.source === from)
    return { source: from, resumed: true }
  await createShadow(transaction, projection, { source: from, holder })
  return { source: from, resumed: false }
}

const openPrevious = async (
  transaction: Transaction,
  projection: AnyProjection,
  copies: ReadonlyArray<SnapshotCopy>,
  holder: string,
): Promise<{ readonly source: SnapshotCopy["source"]; readonly resumed: boolean }> => {
  // A rollback that was interrupted has made the previous table the shadow already.
  const begun = copies.find(({ copy, source }) => copy === "shadow" && source === "live")
  const table = begun ?? find(copies, "previous")
  const { name, version } = projection
  if (table === undefined)
    throw new RebuildRefused(
      `there is no previous table of ${name} to go back to: it is kept from a promotion until the next one; nothing was changed`,
    )
  if (table.version !== version)
    throw new RebuildRefused(
      `the previous table of ${name} is of version ${table.version}, this program folds version ${version} and cannot bring it up to date: roll back with the program that wrote it; nothing was changed`,
    )
  if (begun === undefined) await recallPrevious(transaction, projection, holder)
  return { source: "live", resumed: true }
}
