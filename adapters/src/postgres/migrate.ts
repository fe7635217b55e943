import { type Migration, migrations } from "@landfall/sql/migrations"
import { type Database, DatabaseError, type Transaction } from "./transaction.ts"

/** Any fixed number will do: all who migrate this database must take the same lock. */
const lockKey = 7_203_114_015

/** A migration may rewrite large tables. */
const deadlineMs = 600_000

/** The database has a migration that this program does not know, or knows otherwise. */
export class MigrationMismatch extends Error {
  override readonly name = "MigrationMismatch"
}

interface Applied {
  readonly number: number
  readonly name: string
  readonly sha256: string
}

/**
 * Applies what is missing, all in one transaction under an advisory lock, so that several instances may start at once.
 * Needs a login that may create roles, and the schema `public`. Returns what was applied now.
 */
export const migrate = async (
  database: Database,
  all: ReadonlyArray<Migration> = migrations(),
): Promise<ReadonlyArray<Migration>> => {
  let underWay: Migration | null = null
  try {
    return await database.transaction(
      async (transaction) => {
        const pending = await claim(transaction, all)
        for (const migration of pending) {
          underWay = migration
          await apply(transaction, migration)
        }
        underWay = null
        await transaction.script("grant select on schema_migrations to landfall_writer, landfall_auditor")
        return pending
      },
      { deadlineMs },
    )
  } catch (error) {
    if (underWay === null || !(error instanceof DatabaseError)) throw error
    const { number, name } = underWay as Migration
    throw new DatabaseError(
      `migration ${number} (${name}) failed, and nothing was changed: ${error.message}`,
      error.cause,
    )
  }
}

/** Waits for others who migrate, and returns what is still to be done. */
const claim = async (
  transaction: Transaction,
  all: ReadonlyArray<Migration>,
): Promise<ReadonlyArray<Migration>> => {
  await transaction.query("select pg_advisory_xact_lock($1::bigint)", [String(lockKey)])
  await transaction.script(`create table if not exists schema_migrations (
    number integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now())`)
  return unapplied(all, await readApplied(transaction))
}

const apply = async (transaction: Transaction, { number, name, text, sha256 }: Migration): Promise<void> => {
  await transaction.script(text)
  await transaction.query("insert into schema_migrations (number, name, sha256) values ($1, $2, $3)", [
    number,
    name,
    sha256,
  ])
}

const readApplied = (transaction: Transaction): Promise<ReadonlyArray<Applied>> =>
  transaction.query<Applied>("select number, name, sha256 from schema_migrations order by number")

/** The migrations still to apply; throws when what was applied is not the beginning of what there is. */
export const unapplied = (
  all: ReadonlyArray<Migration>,
  applied: ReadonlyArray<Applied>,
): ReadonlyArray<Migration> => {
  for (const [index, done] of applied.entries()) {
    const known = all[index]
    if (known === undefined || known.number !== done.number)
      throw new MigrationMismatch(
        `the database has migration ${done.number} (${done.name}), which this version of Landfall does not know: start a newer version`,
      )
    if (known.sha256 !== done.sha256)
      throw new MigrationMismatch(
        `migration ${done.number} (${done.name}) was changed after it was applied: restore the file and add a new migration instead`,
      )
  }
  return all.slice(applied.length)
}

/** The migrations that the database lacks; throws a {@link MigrationMismatch} when it has others than this program. */
export const pendingMigrations = (database: Database): Promise<ReadonlyArray<Migration>> =>
  database.transaction(async (transaction) => {
    const [table] = await transaction.query<{ present: boolean }>(
      "select to_regclass('schema_migrations') is not null as present",
    )
    return unapplied(migrations(), table?.present ? await readApplied(transaction) : [])
  })

/** Throws, with what to do, unless the database has exactly the migrations of this program. */
export const requireMigrated = async (database: Database): Promise<void> => {
  const missing = await pendingMigrations(database)
  if (missing.length > 0)
    throw new MigrationMismatch(
      `the database lacks migration ${missing.map((migration) => `${migration.number} (${migration.name})`).join(", ")}: run \`landfall migrate\` or start with MIGRATE=true`,
    )
}
