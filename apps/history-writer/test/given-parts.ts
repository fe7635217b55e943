import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import postgres from "postgres"
import { afterAll, beforeAll, onTestFinished } from "vitest"
import { closeSenders, createTopics, deleteTopics } from "./kafka-tools.ts"

/** A real broker and a real database server, and a folder for logs. */
export interface Parts {
  readonly kafka: Kafka
  readonly postgres: Postgres
  readonly dir: string
}

/** The test files that run in this process share them: a broker takes as long to start as most files' tests. */
let started: Promise<Parts> | null = null

const startParts = async (): Promise<Parts> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-history-writer-"))
  const [kafka, server] = await Promise.all([
    // Values beyond what a message may hold must reach the writer to be refused by it.
    startKafka({ dir: join(dir, "kafka"), settings: { "message.max.bytes": 12_000_000 } }),
    startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off", max_connections: 60 } }),
  ])
  return { kafka, postgres: server, dir }
}

/** Kafka and PostgreSQL for the tests of a file, running at its beginning whatever an earlier one did to them. */
export const givenParts = (): (() => Parts) => {
  let parts: Parts | null = null
  beforeAll(async () => {
    started ??= startParts()
    parts = await started
    for (const part of [parts.kafka, parts.postgres]) if (!part.running()) await part.restart()
  }, 120_000)
  afterAll(closeSenders, 60_000)
  return () => {
    if (parts === null) throw new Error("the parts are started before the first test")
    return parts
  }
}

/** Empty topics and an empty, migrated database, with a superuser's connection to look into it. */
export interface House {
  readonly brokers: string
  readonly url: string
  readonly sql: postgres.Sql
}

let houses = 0

/** All six topics made anew, and a database of its own. */
export const givenHouse = async (
  parts: Parts,
  options: { readonly partitions?: number; readonly topicConfig?: Readonly<Record<string, string>> } = {},
): Promise<House> => {
  const { brokers } = parts.kafka
  const names = topics.map(({ name }) => name)
  await deleteTopics(brokers, names)
  await closeSenders() // they remember the topics of before
  await createTopics(brokers, names, options.partitions ?? 2, options.topicConfig)
  const url = await parts.postgres.createDatabase(`house_${houses++}`)
  const owner = openDatabase(url, { applicationName: "set-up" })
  await migrate(owner)
  await owner.close()
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return { brokers, url, sql }
}
