import { type Database, DatabaseError } from "../postgres/transaction.ts"
import type { Difference } from "./findings.ts"
import type { Verification } from "./verify-record.ts"

/** SQLSTATEs with which the server says that it cannot read what it has stored: class XX, and input, output and missing files. */
const damaged = /^(XX|58)/

/**
 * The server's word that it cannot read a page or file of its own, as a difference that names the table; null for any other
 * error. PostgreSQL says it of a page whose checksum or header is wrong, which a new cluster looks at unless told otherwise.
 */
const damageOf = async (database: Database, error: unknown): Promise<Difference | null> => {
  if (!(error instanceof DatabaseError) || error.code === undefined || !damaged.test(error.code)) return null
  const words = error.cause instanceof Error ? error.cause.message : error.message
  const [path = null] = /base\/\d+\/\d+/.exec(words) ?? []
  const [found] = await database.transaction((transaction) =>
    transaction.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class where pg_relation_filepath(oid) = $1`,
      [path],
    ),
  )
  return {
    subject: "storage",
    place: found?.name ?? "the database",
    what: `PostgreSQL cannot read what it has stored: ${words}`,
  }
}

/**
 * Runs a verification. When the server cannot read its own files, that is the finding, and nothing of the record counts as
 * verified: what lies behind the damage was not seen.
 */
export const orDamage = async (
  database: Database,
  verify: () => Promise<Verification>,
): Promise<Verification> => {
  try {
    return await verify()
  } catch (error) {
    const damage = await damageOf(database, error)
    if (damage === null) throw error
    return {
      ...{ evidence: 0, deadLetters: 0, duplicates: 0, rows: 0 },
      ...{ differences: [damage], differenceCount: 1, gaps: [], gapCount: 0, gapOffsets: 0 },
      notes: [
        "nothing else was verified: restore the last backup that passes, or mend the storage, and verify again",
      ],
      ...{ logs: [], states: [] },
    }
  }
}
