import { topics } from "@landfall/domain/registry"
import { projections } from "@landfall/projections/registry"
import { requireSnapshotVersions, SnapshotVersionDiffers } from "../history/snapshot-versions.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import { MigrationMismatch, pendingMigrations } from "../postgres/migrate.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { type Finding, findingsOf, wordsOf } from "./finding.ts"

const { ok, wrong, unknown } = findingsOf("postgres")

const roles = ["landfall_owner", "landfall_writer", "landfall_auditor", "landfall_operator"]
/** Whom the services and this program act as. */
const actingRoles = ["landfall_writer", "landfall_auditor"]

const asking = <Value>(
  database: Database,
  work: (transaction: Transaction) => Promise<Value>,
): Promise<Value> => database.transaction(work, { mode: "repeatable read read only", deadlineMs: 15_000 })

/** Whether the database is there, is migrated, has the roles, and keeps the evidence append-only. */
export const examinePostgres = async (database: Database): Promise<ReadonlyArray<Finding>> => {
  let version: string
  try {
    version = await asking(database, async (transaction) => {
      const [row] = await transaction.query<{ version: string }>(
        "select current_setting('server_version') as version",
      )
      return row?.version ?? "?"
    })
  } catch (error) {
    return [wrong("reachable", wordsOf(error), "start PostgreSQL, or set DATABASE_URL to where it is")]
  }
  const migrated = await examineMigrations(database)
  const found = [ok("reachable", `PostgreSQL ${version}`), migrated, ...(await examineRoles(database))]
  return migrated.state === "ok" ? [...found, ...(await examineTables(database))] : found
}

const examineMigrations = async (database: Database): Promise<Finding> => {
  try {
    const pending = await pendingMigrations(database)
    if (pending.length === 0) return ok("migrated", "every migration is applied")
    const names = pending.map(({ number, name }) => `${number} (${name})`).join(", ")
    return wrong("migrated", `missing: ${names}`, "run `landfall migrate`")
  } catch (error) {
    if (error instanceof MigrationMismatch) return wrong("migrated", error.message, "see docs/runbook/")
    return unknown("migrated", wordsOf(error), "log in as a user that may read schema_migrations")
  }
}

const examineRoles = (database: Database): Promise<ReadonlyArray<Finding>> =>
  asking(database, async (transaction) => {
    const rows = await transaction.query<{ rolname: string; member: boolean }>(
      `select rolname, pg_has_role(session_user, oid, 'set') as member from pg_roles where rolname = any($1::text[])`,
      [arrayLiteral(roles)],
    )
    const missing = roles.filter((role) => !rows.some(({ rolname }) => rolname === role))
    const acting = rows.filter(({ rolname, member }) => member && actingRoles.includes(rolname))
    return [
      missing.length === 0
        ? ok("roles", roles.join(", "))
        : wrong(
            "roles",
            `missing: ${missing.join(", ")}`,
            "run `landfall migrate` as a login that may create roles",
          ),
      acting.length > 0
        ? ok("login", `may act as ${acting.map(({ rolname }) => rolname).join(", ")}`)
        : wrong(
            "login",
            `may act as none of ${actingRoles.join(", ")}`,
            "grant one of them to the login of DATABASE_URL, or set DATABASE_ROLE",
          ),
    ]
  })

const examineTables = (database: Database): Promise<ReadonlyArray<Finding>> =>
  asking(database, async (transaction) => {
    const tables = [
      ...topics.map(({ evidenceTable }) => evidenceTable),
      "dead_letters",
      "duplicate_deliveries",
    ]
    const guarded = await transaction.query<{ name: string }>(
      `select tgrelid::regclass::text as name from pg_trigger
       where tgname = 'append_only' and tgenabled = 'A' and tgrelid::regclass::text = any($1::text[])`,
      [arrayLiteral(tables)],
    )
    const open = tables.filter((table) => !guarded.some(({ name }) => name === table))
    const versions = await requireSnapshotVersions(transaction, projections).then(
      () => ok("snapshots", "each is of this program's version of its projection"),
      (error: unknown) => {
        if (!(error instanceof SnapshotVersionDiffers)) throw error
        return wrong("snapshots", error.message, "run `landfall rebuild` for each")
      },
    )
    return [
      open.length === 0
        ? ok("append-only", `${tables.length} tables refuse every change but new rows`)
        : wrong(
            "append-only",
            `the trigger that refuses changes is off or gone: ${open.join(", ")}`,
            "find out who switched it off, run `landfall verify`, and switch it on: alter table … enable always trigger append_only",
          ),
      versions,
    ]
  })
