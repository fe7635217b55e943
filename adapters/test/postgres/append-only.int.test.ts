import { topics } from "@landfall/domain/registry"
import { snapshotTable } from "@landfall/projections/projection"
import { projections } from "@landfall/projections/registry"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { migrate } from "../../src/postgres/migrate.ts"
import { openDatabase } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "./given-postgres.ts"

const server = givenPostgres()

const appendOnly = [
  ...topics.map((topic) => topic.evidenceTable),
  ...["dead_letters", "dead_letter_acts", "log_generations", "duplicate_deliveries", "alert_policies"],
]
/** Whose rows they are: services write what they read, operators what they did. */
const writerOf = (table: string): string =>
  ["dead_letter_acts", "log_generations"].includes(table) ? "history_operator" : "history_writer"
/** Tables beside the live snapshots come and go. */
const removable = ["snapshot_copies", "snapshot_positions", ...projections.map(snapshotTable)]
const changeable = ["checkpoints", "snapshot_versions", ...removable]
const everyTable = [...appendOnly, ...changeable, "schema_migrations"]

const refusedByPrivilege = "42501"
const refusedByTrigger = "23001"

const samples: { readonly [type: string]: string } = {
  text: "'x'",
  uuid: "gen_random_uuid()",
  integer: "1",
  bigint: "1",
  numeric: "1",
  boolean: "true",
  json: "'{}'",
  bytea: "decode(repeat('00', 32), 'hex')",
  "timestamp with time zone": "now()",
}

/** Connections by who is at their other end. */
const clients = new Map<string, postgres.Sql>()
const rows = new Map<string, string>()

beforeAll(async () => {
  const database = openDatabase(server.url, { applicationName: "migrating" })
  await migrate(database)
  await database.close()
  const superuser = connect("postgres")
  await superuser.unsafe(`create role history_writer login in role landfall_writer;
    create role history_operator login in role landfall_operator;
    create role auditor login in role landfall_auditor;
    create role deployer login in role landfall_owner`)
  for (const login of ["history_writer", "history_operator", "auditor", "deployer"]) connect(login)
  for (const table of everyTable) {
    const columns = await superuser<{ name: string; type: string }[]>`
      select attname as name, format_type(atttypid, null) as type from pg_attribute
      where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped`
    // Who the login was and when it was are for the server to say.
    const given = columns.filter(({ name }) => !["database_login", "acted_at", "adopted_at"].includes(name))
    const values = given.map(({ name, type }) =>
      name === "act" ? "'retried'" : name === "generation" ? "2" : samples[type],
    )
    rows.set(table, `(${given.map(({ name }) => name).join(", ")}) values (${values.join(", ")})`)
  }
})

afterAll(() => Promise.all([...clients.values()].map((client) => client.end({ timeout: 1 }))))

const connect = (login: string): postgres.Sql => {
  const url = new URL(server.url)
  url.username = login
  const client = postgres(url.href, { max: 1, onnotice: () => {} })
  clients.set(login, client)
  return client
}

/** Runs statements as one transaction and rolls it back: "done", or the SQLSTATE that refused them. */
const attempt = async (login: string, statements: string): Promise<string> => {
  const client = clients.get(login)
  if (client === undefined) throw new Error(`nobody is connected as ${login}`)
  return client.unsafe(`${statements}; do $$ begin raise exception sqlstate 'D0NE0'; end $$`).then(
    () => "committed",
    (error: { code?: string }) => (error.code === "D0NE0" ? "done" : (error.code ?? String(error))),
  )
}

/** A number that can be changed, and what a row is known by. */
const columnsOf = (table: string): readonly [number: string, key: string] => {
  if (table === "alert_policies") return ["version", "version"]
  if (table === "dead_letter_acts") return ["act_number", "act_number"]
  if (table === "log_generations") return ["generation", "topic, topic_partition, generation"]
  const plain = table === "dead_letters" || table === "duplicate_deliveries"
  return ["kafka_offset", plain ? "topic, topic_partition, kafka_offset" : "topic_partition, kafka_offset"]
}

const changes = (table: string): ReadonlyArray<string> => {
  const [number, key] = columnsOf(table)
  const inserted = `insert into ${table} ${rows.get(table)}`
  return [
    `update ${table} set ${number} = ${number} + 1`,
    `update ${table} set ${number} = 0 where false`,
    `delete from ${table}`,
    `delete from ${table} where false`,
    `truncate ${table}`,
    `truncate ${table} cascade`,
    `${inserted} on conflict do nothing; with gone as (delete from ${table} returning 1) select from gone`,
    `merge into ${table} using (select 1) as one on true when matched then delete`,
    `${inserted} on conflict (${key}) do update set ${number} = 2`,
  ]
}

describe.each(appendOnly)("%s", (table) => {
  it("takes rows from whoever is to write them, and from nobody who only audits", async () => {
    expect(await attempt(writerOf(table), `insert into ${table} ${rows.get(table)}`)).toBe("done")
    expect(await attempt("auditor", `insert into ${table} ${rows.get(table)}`)).toBe(refusedByPrivilege)
  })

  it.each(["history_writer", "history_operator", "auditor"])(
    "gives %s no privilege to change them",
    async (login) => {
      for (const change of changes(table))
        expect(await attempt(login, change), change).toBe(refusedByPrivilege)
    },
  )

  it.each([
    ["its owner", "deployer", ""],
    ["its owner, acting as such", "deployer", "set local role landfall_owner; "],
    ["a superuser", "postgres", ""],
    [
      "a superuser whose session runs as a replica",
      "postgres",
      "set local session_replication_role = replica; ",
    ],
  ])("refuses every change by %s", async (_, login, before) => {
    for (const change of changes(table))
      expect(await attempt(login, before + change), change).toBe(refusedByTrigger)
  })
})

it("says why a change was refused", async () => {
  const sql = clients.get("postgres") as postgres.Sql
  await expect(sql`delete from ops_alerts`).rejects.toThrow(
    "DELETE on ops_alerts refused: evidence is append-only; record a correction as a new event",
  )
})

describe("the auditor", () => {
  it.each(everyTable)("reads %s and writes nothing there", async (table) => {
    expect(await attempt("auditor", `select * from ${table}`)).toBe("done")
    for (const write of [
      `insert into ${table} ${rows.get(table)}`,
      `delete from ${table}`,
      `truncate ${table}`,
    ])
      expect(await attempt("auditor", write), write).toBe(refusedByPrivilege)
  })

  it.each([
    "update checkpoints set next_offset = 0",
    "update snapshot_versions set version = 1",
    "update alert_snapshot set status = 'cleared'",
    "update schema_migrations set sha256 = ''",
    "select make_append_only('checkpoints')",
    "select create_shadow_snapshot('alert')",
    "select swap_snapshot('alert')",
    "select drop_snapshot_copy('alert', 'previous')",
    "create table public.mine (n integer)",
    "alter table ops_alerts disable trigger append_only",
    "drop table ops_alerts",
    "set role landfall_owner",
    "set role landfall_writer",
    "set session_replication_role = replica",
  ])("may not: %s", async (statement) => {
    expect(await attempt("auditor", statement)).toBe(refusedByPrivilege)
  })
})

describe("the operator", () => {
  const acts = "insert into dead_letter_acts"

  it.each([
    `${acts} (act_number, database_login) values (1, 'somebody else')`,
    `${acts} (act_number, acted_at) values (1, now())`,
    "set role landfall_owner",
    "alter table dead_letter_acts disable trigger append_only",
  ])("may not: %s", async (statement) => {
    expect(await attempt("history_operator", statement)).toBe(refusedByPrivilege)
  })

  it("is not the writer: no service acts on dead letters", async () => {
    const act = `${acts} ${rows.get("dead_letter_acts")}`
    expect(await attempt("history_writer", act)).toBe(refusedByPrivilege)
    expect(await attempt("history_writer", "set role landfall_operator")).toBe(refusedByPrivilege)
  })
})

describe("the writer", () => {
  it.each(changeable)("keeps %s up to date", async (table) => {
    const key =
      table === "checkpoints"
        ? "topic"
        : /_(?:versions|copies|positions)$/.test(table)
          ? "projection"
          : "row_key"
    const write = `insert into ${table} ${rows.get(table)}; update ${table} set ${key} = 'y'`
    expect(await attempt("history_writer", write)).toBe("done")
    const remove = await attempt("history_writer", `delete from ${table}`)
    expect(remove).toBe(removable.includes(table) ? "done" : refusedByPrivilege)
    expect(await attempt("history_writer", `truncate ${table}`)).toBe(refusedByPrivilege)
  })

  it("may make temporary tables, through which it writes snapshots", async () => {
    const statement = "create temporary table incoming (like alert_snapshot) on commit delete rows"
    expect(await attempt("history_writer", statement)).toBe("done")
  })

  it.each([
    ...everyTable.flatMap((table) => [`alter table ${table} add column more integer`, `drop table ${table}`]),
    ...appendOnly.flatMap((table) => [
      `alter table ${table} disable trigger append_only`,
      `alter table ${table} enable replica trigger append_only`,
      `drop trigger append_only on ${table}`,
      `create rule mute as on insert to ${table} do instead nothing`,
      `create index mine on ${table} (kafka_offset)`,
    ]),
    "create or replace function refuse_change() returns trigger language plpgsql as 'begin return null; end'",
    "drop function refuse_change() cascade",
    "select make_append_only('checkpoints')",
    "select make_snapshot('ops_alerts')",
    "select rename_snapshot('alert', 'snapshot', 'gone')",
    `insert into schema_migrations ${"(number, name, sha256) values (99, 'x', 'y')"}`,
    "update schema_migrations set sha256 = ''",
    "create table public.mine (n integer)",
    "set role landfall_owner",
    "set session_replication_role = replica",
    "grant update on ops_alerts to history_writer; update ops_alerts set kafka_offset = 0",
  ])("may not: %s", async (statement) => {
    expect(await attempt("history_writer", statement)).toBe(refusedByPrivilege)
  })
})

it("belongs to neither: all tables and functions are the owner's, save the list of migrations", async () => {
  const sql = clients.get("postgres") as postgres.Sql
  const owned = await sql`
    select relname as name, relowner::regrole::text as owner from pg_class
    where relnamespace = 'public'::regnamespace and relowner <> 'landfall_owner'::regrole
    union all select proname, proowner::regrole::text from pg_proc
    where pronamespace = 'public'::regnamespace and proowner <> 'landfall_owner'::regrole order by name`
  expect(owned).toEqual([
    { name: "schema_migrations", owner: "postgres" },
    { name: "schema_migrations_pkey", owner: "postgres" },
  ])
})
