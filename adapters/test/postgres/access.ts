import { topics } from "@landfall/domain/registry"
import { snapshotTable } from "@landfall/projections/projection"
import { projections } from "@landfall/projections/registry"

/** Who acts in the database; `stranger` is a login that was granted no role. */
export const roles = ["landfall_writer", "landfall_operator", "landfall_auditor", "stranger"] as const
export type Role = (typeof roles)[number]

/** What can be done with a table or view, as a statement that does it to no row; `column` is the first of it. */
export const deeds = {
  select: (table: string) => `select * from ${table} limit 0`,
  insert: (table: string, column: string) =>
    `insert into ${table} (${column}) select ${column} from ${table} where false`,
  update: (table: string, column: string) => `update ${table} set ${column} = ${column} where false`,
  delete: (table: string) => `delete from ${table} where false`,
  truncate: (table: string) => `truncate ${table}`,
  lock: (table: string) => `lock table ${table} in access exclusive mode`,
  trigger: (table: string) =>
    `create trigger mine before insert on ${table} execute function refuse_change()`,
  own: (table: string) => `comment on table ${table} is 'mine'`,
} as const
export type Deed = keyof typeof deeds

type Access = { readonly [Who in Role]: ReadonlyArray<Deed> }

const nobody: Access = {
  landfall_writer: [],
  landfall_operator: [],
  landfall_auditor: [],
  stranger: [],
}

/** What the services write, who is the operator too: an act may change what a service changes. */
const written = (...done: Deed[]): Access => ({
  ...nobody,
  landfall_writer: ["select", ...done],
  landfall_operator: ["select", ...done],
  landfall_auditor: ["select"],
})
const read = written()
// Whoever may change rows may also keep others from the table for a while.
const kept = written("insert", "update", "lock")
const remade = written("insert", "update", "delete", "lock")
const evidence = written("insert")
const acts: Access = { ...read, landfall_operator: ["select", "insert"] }
const audited: Access = { ...nobody, landfall_auditor: ["select"] }

const each = (names: ReadonlyArray<string>, access: Access): ReadonlyArray<readonly [string, Access]> =>
  names.map((name) => [name, access])

/** Who may do what with each table and view; one that is not here has not been thought about. */
export const relations: ReadonlyMap<string, Access> = new Map([
  ...each(
    topics.map((topic) => topic.evidenceTable),
    evidence,
  ),
  ...each(["dead_letters", "duplicate_deliveries", "alert_policies"], evidence),
  ...each(["dead_letter_acts", "log_generations"], acts),
  ...each(["checkpoints", "snapshot_versions"], kept),
  ...each(["snapshot_copies", "snapshot_positions", ...projections.map(snapshotTable)], remade),
  ...each(["schema_migrations", "retried_letters", "dead_letter_states"], read),
  ...each(
    [
      ...["transfers", "observations", "alerts", "alert_events", "funding_handles", "inventories", "prices"],
      ...["trade_results", "events", "positions"],
    ].map((name) => `audit_${name}`),
    audited,
  ),
])

const services: ReadonlyArray<Role> = ["landfall_writer", "landfall_operator"]

/** Who may call each function; what a function that is granted does as its owner stands in its migration. */
export const functions: ReadonlyMap<string, ReadonlyArray<Role>> = new Map([
  ["alert_evidence_ids(text)", ["landfall_writer", "landfall_operator", "landfall_auditor"]],
  ["create_shadow_snapshot(text)", services],
  ["key_shadow_snapshot(text)", services],
  ["index_shadow_snapshot(text)", services],
  ["swap_snapshot(text)", services],
  ["recall_previous_snapshot(text)", services],
  ["drop_snapshot_copy(text,text)", services],
  ["make_append_only(regclass)", []],
  ["make_snapshot(regclass)", []],
  ["rename_snapshot(text,text,text)", []],
  // It only refuses, and only as a trigger.
  ["refuse_change()", roles],
])

/** What reaches beyond the tables: no role of ours may, not even the owner of all of them. */
export const beyond: ReadonlyArray<string> = [
  "create role mine",
  "create role mine superuser",
  "alter role landfall_auditor superuser",
  "grant landfall_owner to landfall_auditor",
  "set role postgres",
  "create database mine",
  "create schema mine",
  "create extension plpython3u",
  "create language plpython3u",
  "alter system set ssl = off",
  "select pg_reload_conf()",
  "set session_replication_role = replica",
  "copy (select 1) to program 'id'",
  "copy (select 1) to '/tmp/mine'",
  "create temporary table passwords (line text); copy passwords from '/etc/passwd'",
  "select pg_read_file('postgresql.conf')",
  "select pg_ls_dir('.')",
  "select lo_import('/etc/passwd')",
  "select rolpassword from pg_authid",
  "select * from pg_hba_file_rules",
  "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
  "select pg_create_restore_point('mine')",
  "create subscription mine connection 'host=192.0.2.1' publication theirs",
]
