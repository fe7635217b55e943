import { readFile, writeFile } from "node:fs/promises"
import type { Columns, ColumnType } from "@landfall/domain/column"
import { topics } from "@landfall/domain/registry"
import { snapshotTable } from "@landfall/projections/projection"
import { projections } from "@landfall/projections/registry"
import { Schema } from "effect"
import { isOptional } from "effect/SchemaAST"
import type postgres from "postgres"
import { beforeAll, describe, expect, it } from "vitest"
import { migrate } from "../../src/postgres/migrate.ts"
import { openDatabase } from "../../src/postgres/transaction.ts"
import { beyond, type Deed, deeds, functions, relations, roles } from "./access.ts"
import { given, givenPostgres, plainClient } from "./given-postgres.ts"
import { dumpSchema } from "./schema-dump.ts"

const server = givenPostgres()

beforeAll(async () => {
  const database = openDatabase(server.url, { applicationName: "migrating" })
  await migrate(database)
  await database.close()
})

const committed = new URL("../../../sql/schema.txt", import.meta.url)

describe("the migrated schema", () => {
  it("is the one in sql/schema.txt (UPDATE_SCHEMA=1 npx vitest run test/postgres/schema, to take over a change)", async () => {
    const dumped = await given(server.url).transaction(dumpSchema)
    if (process.env["UPDATE_SCHEMA"] === "1") await writeFile(committed, dumped)
    expect(dumped).toBe(await readFile(committed, "utf8"))
  })

  it("has append-only triggers on evidence, dead letters, acts, duplicates, policies and generations, and on nothing else", async () => {
    const tables = await plainClient(server.url)`
      select tgrelid::regclass::text as name from pg_trigger where not tgisinternal and tgenabled = 'A'
        and tgfoid = 'refuse_change'::regproc`
    expect(tables.map((row) => row["name"]).sort()).toEqual(
      [
        ...topics.map((topic) => topic.evidenceTable),
        "dead_letters",
        "duplicate_deliveries",
        "alert_policies",
        "dead_letter_acts",
        "log_generations",
      ].sort(),
    )
  })
})

/** Column name to type, with ` not null` where it may not be null. */
type Shape = { readonly [column: string]: string }

const shapeOf = async (table: string): Promise<Shape> => {
  const columns = await plainClient(server.url)`
    select attname as name, format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end as type
    from pg_attribute where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped`
  return Object.fromEntries(columns.map((row) => [row["name"], row["type"]]))
}

/** Amounts hold 78 digits and no fraction; prices are numbers of any size. */
const sqlType = (name: string, type: ColumnType): string => {
  if (type === "numeric") return name === "amount" ? "numeric(78,0)" : "numeric"
  return type === "timestamptz" ? "timestamp with time zone" : type
}

const declared = (columns: Columns<never>, suffix: (name: string) => string): Shape =>
  Object.fromEntries(
    Object.entries(columns).map(([name, { type }]) => [name, `${sqlType(name, type)}${suffix(name)}`]),
  )

/** Whether the record may lack the field, or have it as null. */
const mayBeMissing = (schema: object, field: string): boolean => {
  if (!("fields" in schema)) throw new Error("the schema of a record has no fields")
  const found = (schema.fields as Schema.Struct.Fields)[field]
  if (found === undefined) throw new Error(`the record has no field ${field}`)
  return isOptional(found.ast) || Schema.is(found)(null)
}

const position = { topic_partition: "integer not null", kafka_offset: "bigint not null" }

describe("the registries", () => {
  it.each(topics.map((topic) => [topic.name, topic] as const))(
    "%s has an evidence table with exactly its columns",
    async (_, topic) => {
      const nullable = (name: string) => (mayBeMissing(topic.schema, name) ? "" : " not null")
      expect(await shapeOf(topic.evidenceTable)).toEqual({
        ...position,
        event_id: "uuid not null",
        leader_epoch: "integer not null",
        kafka_timestamp_ms: "bigint not null",
        message_key: "bytea",
        message_headers: "bytea",
        payload: "text not null",
        ...declared(topic.columns, nullable),
        ingested_at: "timestamp with time zone not null",
        leaf_hash: "bytea not null",
      })
    },
  )

  it.each(projections.map((projection) => [projection.name, projection] as const))(
    "%s has a snapshot table with exactly its columns, and they hold the whole row",
    async (_, projection) => {
      expect(await shapeOf(snapshotTable(projection))).toEqual({
        row_key: "text not null",
        ...declared(projection.columns, () => ""),
        ...position,
      })
      expect(Object.keys(projection.columns).sort()).toEqual(Object.keys(projection.row.fields).sort())
    },
  )

  it("account for every table there is", async () => {
    const tables = await plainClient(server.url)`select tablename from pg_tables where schemaname = 'public'`
    expect(tables.map((row) => row["tablename"]).sort()).toEqual(
      [
        ...topics.map((topic) => topic.evidenceTable),
        ...projections.map(snapshotTable),
        ...["checkpoints", "dead_letters", "duplicate_deliveries", "schema_migrations", "snapshot_versions"],
        ...["alert_policies", "dead_letter_acts", "log_generations", "snapshot_copies", "snapshot_positions"],
      ].sort(),
    )
  })
})

describe("who may do what", () => {
  const refusedByPrivilege = "42501"
  const codeOf = (error: { code?: string }): string => error.code ?? String(error)

  /** A connection of a login that has the role and no other. */
  const loginOf = async (role: string): Promise<postgres.Sql> => {
    const login = `has_${role}`
    await plainClient(server.url).unsafe(
      `do $$ begin
        if to_regrole('${login}') is null then create role ${login} login; end if;
        if to_regrole('${role}') is not null then grant ${role} to ${login}; end if; end $$`,
    )
    const url = new URL(server.url)
    url.username = login
    return plainClient(url.href)
  }
  /** Whether it may run the statements: "done", or the SQLSTATE that refused them; nothing stays of them. */
  const attempt = (sql: postgres.Sql, statements: string): Promise<string> =>
    sql.unsafe(`${statements}; do $$ begin raise exception sqlstate 'D0NE0'; end $$`).then(
      () => "committed",
      (error: { code?: string }) => codeOf(error).replace("D0NE0", "done"),
    )

  it("is decided for every table and view", async () => {
    const found = await plainClient(server.url)`select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind not in ('i', 'I', 't')`
    expect(found.map(({ name }) => name).sort()).toEqual([...relations.keys()].sort())
  })

  it.each(roles)("%s is refused all that is not for it, with every table and view", async (role) => {
    const found = await plainClient(server.url)<{ name: string; kind: string; column: string }[]>`
      select relname as name, relkind as kind, attname as column from pg_class
      join pg_attribute on attrelid = pg_class.oid and attnum = 1
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')`
    const sql = await loginOf(role)
    const wrong: string[] = []
    for (const { name, kind, column } of found)
      for (const [deed, statement] of Object.entries(deeds)) {
        const may = relations.get(name)?.[role].includes(deed as Deed) ?? false
        const came = await attempt(sql, statement(name, column))
        // What cannot be done with a view at all is said before it is asked who wants to.
        const refusals = kind === "v" ? [refusedByPrivilege, "55000", "42809"] : [refusedByPrivilege]
        if (may ? came !== "done" : !refusals.includes(came))
          wrong.push(`${may ? "may" : "may not"} ${deed} ${name}: ${came}`)
      }
    expect(wrong).toEqual([])
  })

  it("is decided for every function, and each role is refused the others", async () => {
    const found = await plainClient(server.url)<{ name: string; call: string }[]>`
      select oid::regprocedure::text as name, format('select %I(%s)', proname,
        (select string_agg(format('%L::%s', case one when 'regclass'::regtype then 'checkpoints' else 'x' end, one), ', ')
          from unnest(proargtypes::regtype[]) as one)) as call
      from pg_proc where pronamespace = 'public'::regnamespace`
    expect(found.map(({ name }) => name).sort()).toEqual([...functions.keys()].sort())
    for (const role of roles) {
      const sql = await loginOf(role)
      for (const { name, call } of found) {
        const let_in = (await attempt(sql, call)) !== refusedByPrivilege
        expect([name, role, let_in]).toEqual([name, role, functions.get(name)?.includes(role)])
      }
    }
  })

  it("cannot be got around in a function that acts as its owner: its names are looked up in one place", async () => {
    const acting = await plainClient(server.url)`
      select proname, proconfig from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`
    expect(acting.length).toBe(6)
    for (const { proname, proconfig } of acting)
      expect([proname, proconfig]).toEqual([proname, ["search_path=public, pg_temp"]])
  })

  it.each(["landfall_owner", ...roles])(
    "ends at the tables: %s reaches nothing beyond them",
    async (role) => {
      const sql = await loginOf(role)
      const let_in: string[] = []
      for (const statement of beyond) {
        const came = await sql.unsafe(statement).then(() => "done", codeOf)
        if (came !== refusedByPrivilege) let_in.push(`${statement}: ${came}`)
      }
      expect(let_in).toEqual([])
    },
  )
})
