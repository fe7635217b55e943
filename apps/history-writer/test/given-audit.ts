import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openReaders } from "@landfall/adapters/audit/readers"
import { limits } from "@landfall/adapters/config/limits"
import { createCheckpoint, lockCheckpoints } from "@landfall/adapters/history/checkpoint"
import { commitSession, ingest, openSession } from "@landfall/adapters/history/ingest"
import { messageReader } from "@landfall/adapters/history/read-message"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { createLog } from "@landfall/adapters/log/log"
import { createMetrics } from "@landfall/adapters/metrics/metrics"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordEncoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import postgres from "postgres"
import { auditRoutes } from "../src/routes/audit.ts"
import { openQuestions } from "../src/routes/questions.ts"

/** What the audit routes answer, read as JSON. */
export interface Answer {
  readonly status: number
  // What a test looks at is told by the test itself.
  readonly body: Record<string, never> & { readonly items: ReadonlyArray<Record<string, unknown>> }
}

/** The audit routes over a real PostgreSQL, and a way to write the record as the history writer does. */
export interface GivenAudit {
  readonly url: string
  readonly server: Postgres
  readonly database: Database
  /** A superuser's connection. */
  readonly sql: postgres.Sql
  /** What the service logged as an error. */
  readonly logged: ReadonlyArray<string>
  /** Writes records of a topic into partition 0, all in one batch at that time. */
  readonly write: (topic: AnyTopic, records: ReadonlyArray<unknown>, ingested_ms: number) => Promise<void>
  readonly get: (path: string) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** The clock of the service. */
export const now_ms = Date.UTC(2026, 6, 1)

/** Starts PostgreSQL and a service of the audit routes. */
export const givenAudit = async (): Promise<GivenAudit> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-audit-"))
  const server = await startPostgres({ dir, settings: { fsync: "off" } })
  const databaseUrl = await server.createDatabase("audit")
  const database = openDatabase(databaseUrl, { applicationName: "set-up" })
  await migrate(database)
  const readers = openReaders(
    () => openDatabase(databaseUrl, { applicationName: "queries", role: "landfall_auditor" }),
    limits.audit,
  )
  const logged: string[] = []
  const service = await buildService({
    name: "history-writer",
    version: "0.1.0",
    bind: { host: "127.0.0.1", port: 0 },
    tokens: { control: null, read: null },
    log: createLog({ name: "history-writer", level: "error", to: { write: (line) => logged.push(line) } }),
    metrics: createMetrics({ name: "history-writer", version: "0.1.0" }),
    now: () => timestamp(now_ms),
    readiness: () => ({ ready: true, reasons: [] }),
    state: () => ({}),
    routes: auditRoutes(openQuestions(readers, () => now_ms)),
  })
  const http = await start(service)
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  return {
    url: http.url,
    server,
    database,
    sql,
    logged,
    write: writer(database),
    get: async (path) => {
      const response = await fetch(`${http.url}${path}`, { signal: AbortSignal.timeout(20_000) })
      return { status: response.status, body: (await response.json()) as Answer["body"] }
    },
    close: async () => {
      await http.stop()
      await Promise.all([readers.close(), database.close(), sql.end({ timeout: 1 })])
      await server.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const topicId = Buffer.alloc(16, 7)

const writer = (database: Database): GivenAudit["write"] => {
  const next = new Map<string, number>()
  return async (topic, records, ingested_ms) => {
    const read = messageReader(topic)
    const encode = recordEncoder(topic)
    const from = next.get(topic.name) ?? 0
    next.set(topic.name, from + records.length)
    const batch = records.map((record, index) =>
      read(
        {
          topic: topic.name,
          partition: 0,
          offset: from + index,
          leaderEpoch: 0,
          timestamp: ingested_ms - 5,
          key: Buffer.from(topic.key(record)),
          value: Buffer.from(encode(record)),
        },
        topicId,
      ),
    )
    const at = { topic: topic.name, partition: 0 }
    await database.transaction(async (transaction) => {
      await createCheckpoint(transaction, { ...at, topicId, firstOffset: 0 }, ingested_ms)
      const session = openSession((await lockCheckpoints(transaction, [at])).values(), [topic], 10)
      commitSession(session, await ingest(transaction, session, batch, ingested_ms))
    })
  }
}
