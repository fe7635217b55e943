import { createHash } from "node:crypto"
import { type Migration, migrations } from "@landfall/sql/migrations"
import { describe, expect, it } from "vitest"
import { MigrationMismatch, migrate, requireMigrated } from "../../src/postgres/migrate.ts"
import { DatabaseError } from "../../src/postgres/transaction.ts"
import { given, givenPostgres, plainClient } from "./given-postgres.ts"
import { dumpSchema } from "./schema-dump.ts"

const server = givenPostgres()

let databases = 0
const emptyDatabase = (): Promise<string> => server.createDatabase(`migrated_${++databases}`)

const all = migrations()
const numbers = all.map(({ number }) => number)

/** Makes the server one on which nothing was migrated yet: roles belong to all of its databases. */
const withoutRoles = async (): Promise<void> => {
  for (const role of ["owner", "writer", "auditor"]) {
    const sql = plainClient(server.url)
    if ((await sql`select from pg_roles where rolname = ${`landfall_${role}`}`).length > 0)
      await sql.unsafe(`alter role landfall_${role} rename to former_${databases}_${role}`)
  }
}

const further = (name: string, text: string): Migration => ({
  number: all.length + 1,
  name,
  text,
  sha256: createHash("sha256").update(text).digest("hex"),
})

/** All that migrating can have changed, and when it did. */
const stateOf = async (url: string) => ({
  schema: await given(url).transaction(dumpSchema),
  applied: await plainClient(url)`select * from schema_migrations order by number`,
})

describe("migrating", () => {
  it("brings an empty database to the newest schema, and a second time changes nothing", async () => {
    const url = await emptyDatabase()
    expect((await migrate(given(url))).map(({ number }) => number)).toEqual(numbers)
    const before = await stateOf(url)
    expect(before.applied.map((row) => row["number"])).toEqual(numbers)
    expect(await migrate(given(url))).toEqual([])
    expect(await stateOf(url)).toEqual(before)
    await requireMigrated(given(url))
  })

  it("applies only what an older database lacks", async () => {
    const url = await emptyDatabase()
    await migrate(given(url), all.slice(0, 3))
    expect((await migrate(given(url))).map(({ number }) => number)).toEqual(numbers.slice(3))
    const fresh = await emptyDatabase()
    await migrate(given(fresh))
    expect((await stateOf(url)).schema).toBe((await stateOf(fresh)).schema)
  })

  it("by several at once happens once", async () => {
    const url = await emptyDatabase()
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(given(url))))
    expect(applied.map(({ length }) => length).sort()).toEqual([0, 0, 0, all.length])
    await requireMigrated(given(url))
  })

  it("of several databases of one server at once gets along with the roles they have in common", async () => {
    await withoutRoles()
    const urls = await Promise.all([emptyDatabase(), emptyDatabase(), emptyDatabase()])
    const applied = await Promise.all(urls.map((url) => migrate(given(url))))
    expect(applied.map(({ length }) => length)).toEqual(urls.map(() => all.length))
  })

  it("takes no superuser, only the owner of the database who may create roles", async () => {
    await withoutRoles()
    const url = new URL(await emptyDatabase())
    const name = url.pathname.slice(1)
    await plainClient(server.url).unsafe(
      `create role deployer login createrole; alter database ${name} owner to deployer`,
    )
    url.username = "deployer"
    expect((await migrate(given(url.href))).length).toBe(all.length)
    await requireMigrated(given(url.href))
  })
})

describe("a migration that fails", () => {
  const broken = further("broken", "create table left_behind (n integer); select 1 / 0")

  it("is named, and leaves nothing behind, nor do those that went before it", async () => {
    const url = await emptyDatabase()
    const error = await migrate(given(url), [...all, broken]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(DatabaseError)
    expect(String(error)).toMatch(
      /migration \d+ \(broken\) failed, and nothing was changed: .*division by zero/,
    )
    expect((error as DatabaseError).code).toBe("22012")
    expect(
      await plainClient(url)`select relname from pg_class where relnamespace = 'public'::regnamespace`,
    ).toEqual([])
    expect((await migrate(given(url))).length).toBe(all.length)
  })

  it("leaves a migrated database as it was", async () => {
    const url = await emptyDatabase()
    await migrate(given(url))
    const before = await stateOf(url)
    await expect(migrate(given(url), [...all, broken])).rejects.toThrow(/broken/)
    expect(await stateOf(url)).toEqual(before)
  })
})

describe("a database of another version", () => {
  it("with migrations that this program does not know is refused, and left as it was", async () => {
    const url = await emptyDatabase()
    await migrate(given(url), [...all, further("from_the_future", "create table future (n integer)")])
    const before = await stateOf(url)
    for (const attempt of [migrate, requireMigrated]) {
      const error = await attempt(given(url)).then(String, (reason: unknown) => reason)
      expect(error).toBeInstanceOf(MigrationMismatch)
      expect(String(error)).toMatch(
        `migration ${all.length + 1} (from_the_future), which this version of Landfall does not know: start a newer version`,
      )
    }
    expect(await stateOf(url)).toEqual(before)
  })

  it("with a migration that was changed since is refused, and left as it was", async () => {
    const url = await emptyDatabase()
    await migrate(given(url))
    const before = await stateOf(url)
    const changed = all.map((one) => (one.number === 2 ? { ...one, sha256: "0".repeat(64) } : one))
    const error = await migrate(given(url), changed).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(MigrationMismatch)
    expect(String(error)).toMatch(
      /migration 2 \(append_only\) was changed after it was applied: restore the file/,
    )
    expect(await stateOf(url)).toEqual(before)
  })

  it("that lacks migrations is not used, and what it lacks is said", async () => {
    const url = await emptyDatabase()
    await expect(requireMigrated(given(url))).rejects.toThrow(
      /lacks migration 1 \(roles\), .*5 \(snapshots\).*`landfall migrate`/,
    )
    await migrate(given(url), all.slice(0, -1))
    await expect(requireMigrated(given(url))).rejects.toThrow(`lacks migration ${all.length} (`)
    await migrate(given(url))
    for (const role of ["landfall_writer", "landfall_auditor"]) await requireMigrated(given(url, { role }))
  })
})
