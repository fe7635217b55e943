import { readFile, writeFile } from "node:fs/promises"
import type { Columns, ColumnType } from "@landfall/domain/column"
import { topics } from "@landfall/domain/registry"
import { snapshotTable } from "@landfall/projections/projection"
import { projections } from "@landfall/projections/registry"
import { Schema } from "effect"
import { isOptional } from "effect/SchemaAST"
import { beforeAll, describe, expect, it } from "vitest"
import { migrate } from "../../src/postgres/migrate.ts"
import { openDatabase } from "../../src/postgres/transaction.ts"
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
