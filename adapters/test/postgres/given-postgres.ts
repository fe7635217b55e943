import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import postgres from "postgres"
import { afterAll, beforeAll, onTestFinished } from "vitest"
import { type Database, type DatabaseOptions, openDatabase } from "../../src/postgres/transaction.ts"

/** A PostgreSQL of the test file's own, which ends with it. */
export interface GivenPostgres {
  /** As the superuser, in the database `postgres`. */
  readonly url: string
  /** An empty database; returns its URL. */
  readonly createDatabase: (name: string) => Promise<string>
}

/** Starts PostgreSQL before the file's tests and ends it after them. */
export const givenPostgres = (): GivenPostgres => {
  let server: Postgres | null = null
  let dir = ""
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "landfall-postgres-"))
    server = await startPostgres({ dir, settings: { fsync: "off", max_connections: 40 } })
  })
  afterAll(async () => {
    await server?.kill()
    await rm(dir, { recursive: true, force: true })
  })
  const running = (): Postgres => {
    if (server === null) throw new Error("PostgreSQL runs only while the tests do")
    return server
  }
  return {
    get url() {
      return running().url
    },
    createDatabase: (name) => running().createDatabase(name),
  }
}

/** A database that is closed after the running test. */
export const given = (url: string, options: Partial<DatabaseOptions> = {}): Database => {
  const database = openDatabase(url, { applicationName: "test", deadlineMs: 10_000, ...options })
  onTestFinished(() => database.close())
  return database
}

/** A plain client, beside the way under test, that is closed after the running test. */
export const plainClient = (url: string): postgres.Sql => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return sql
}
