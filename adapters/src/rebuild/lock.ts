import type { AnyProjection } from "@landfall/projections/registry"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { readCopies } from "./shadow.ts"

/** Another process rebuilds the same projection. */
export class RebuildLocked extends Error {
  override readonly name = "RebuildLocked"
}

/** Any fixed number will do: with the projection's name it makes the key of an advisory lock. */
const lockClass = 7_203_115

/** Projections that this process rebuilds, by database: the server would give its own connection the lock twice. */
const mine = new WeakMap<Database, Set<string>>()

/**
 * Runs `work` with the projection's rebuild locked, across processes. The lock belongs to the connection, and a connection
 * may break and be replaced: so `work` calls `relock` at the beginning of each of its transactions, which throws
 * {@link RebuildLocked}, with who has it, when someone else was quicker.
 */
export const withRebuildLock = async <Result>(
  database: Database,
  projection: AnyProjection,
  work: (relock: (transaction: Transaction) => Promise<void>) => Promise<Result>,
): Promise<Result> => {
  const held = mine.get(database) ?? new Set()
  mine.set(database, held)
  if (held.has(projection.name))
    throw new RebuildLocked(`${projection.name} is being rebuilt by this very process`)
  held.add(projection.name)
  const key = [lockClass, projection.name] as const
  try {
    return await work(async (transaction) => {
      const [lock] = await transaction.query<{ taken: boolean }>(
        "select pg_try_advisory_lock($1::integer, hashtext($2)) as taken",
        key,
      )
      if (lock?.taken !== true) throw new RebuildLocked(await whoHasIt(transaction, projection, key))
    })
  } finally {
    held.delete(projection.name)
    await unlock(database, key).catch(() => {}) // a connection that is gone holds nothing
  }
}

/** A lock that was taken several times is released as often: until the server says that it is not held. */
const unlock = (database: Database, key: readonly [number, string]): Promise<void> =>
  database.transaction(async (transaction) => {
    let held = true
    while (held) {
      const [released] = await transaction.query<{ held: boolean }>(
        "select pg_advisory_unlock($1::integer, hashtext($2)) as held",
        key,
      )
      held = released?.held === true
    }
  })

const whoHasIt = async (
  transaction: Transaction,
  projection: AnyProjection,
  key: readonly [number, string],
): Promise<string> => {
  const [session] = await transaction.query<{ pid: number }>(
    `select pid from pg_locks where locktype = 'advisory' and granted and classid = $1::integer::oid
       and objid = (hashtext($2)::bigint & 4294967295)::oid and objsubid = 2
       and database = (select oid from pg_database where datname = current_database())`,
    key,
  )
  const shadow = (await readCopies(transaction, projection)).find(({ copy }) => copy === "shadow")
  const since = shadow === undefined ? "" : ` since ${new Date(shadow.beganAtMs).toISOString()}`
  return `${projection.name} is being rebuilt by ${shadow?.holder ?? "another process"}${since} (PostgreSQL backend ${session?.pid ?? "unknown"}): wait for it, or end that process and run this again to go on from where it is`
}
