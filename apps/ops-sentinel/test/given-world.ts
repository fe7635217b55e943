import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type EventReader, openEventReader } from "@landfall/adapters/alerts/event-reader"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { type BulkProducer, openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import type { Topic } from "@landfall/domain/topic"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { defaultPolicyFile } from "@landfall/evaluators/alerts/policy"
import { type RunningService, startService } from "@landfall/sandbox/stack/services"
import { until } from "@landfall/sandbox/until"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { type Leashed, spawnLeashed } from "@landfall/setup/parts/leash"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, onTestFinished } from "vitest"
import type { StateDocument } from "../src/state.ts"

/** `/state` as its readers see it. */
export type State = (typeof StateDocument)["Encoded"]

export const tick_ms = 50
export const max_age_ms = 400
const partitions = 2
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** The parts that the tests of a file share; alerts are told apart by their subjects, which are each test's own. */
export interface World {
  readonly kafka: Kafka
  readonly postgres: Postgres
  readonly database: Database
  readonly env: Readonly<Record<string, string>>
  readonly dir: string
  /** Starts a service as a process, ready; it ends with the test. */
  readonly serve: (name: string, env?: Readonly<Record<string, string>>) => Promise<RunningService>
  /** Starts ops-sentinel without waiting for anything; it ends with the test. */
  readonly spawn: (env?: Readonly<Record<string, string>>) => Promise<Spawned>
  /** Writes a policy file and returns its path. */
  readonly policy: (content: unknown) => Promise<string>
  readonly send: <Record>(topic: Topic<Record>, records: ReadonlyArray<Record>) => Promise<void>
  /** Publishes a price of the pair, observed now. */
  readonly price: (pair: string) => Promise<void>
  /** Committed transitions about the pair, oldest first. */
  readonly alerts: (pair: string) => Promise<ReadonlyArray<Alert>>
  /** Waits until the pair's transitions are these, in short: `raised 1`, `cleared 1`, … */
  readonly transitions: (pair: string, expected: ReadonlyArray<string>) => Promise<ReadonlyArray<Alert>>
  readonly stateOf: (service: RunningService) => Promise<State>
  readonly log: (service: RunningService) => Promise<string>
}

/** A process, and what it wrote. */
export interface Spawned extends Leashed {
  readonly output: () => Promise<string>
}

/** A transition in short. */
export const short = ({ status, episode }: Alert): string => `${status} ${episode}`

/** A policy file with short windows. */
export const policyFile = (version: number, pairs: ReadonlyArray<string> = []) => ({
  ...defaultPolicyFile,
  version,
  rules: { ...defaultPolicyFile.rules, reference_price_stale: { max_age_ms } },
  expected: { pairs, accounts: [] },
})

/** Starts Kafka and PostgreSQL for the tests of a file, and where wanted a history-writer that keeps what is published. */
export const givenWorld = ({ history }: { readonly history: boolean }): (() => World) => {
  let world: World | null = null
  const ends: Array<() => Promise<unknown>> = []
  beforeAll(async () => {
    const dir = await mkdtemp(join(tmpdir(), "landfall-ops-sentinel-"))
    ends.push(() => rm(dir, { recursive: true, force: true }))
    const [kafka, postgres] = await Promise.all([
      startKafka({ dir: join(dir, "kafka") }),
      startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } }),
    ])
    ends.push(() => Promise.all([kafka.kill(), postgres.kill()]))
    const url = await postgres.createDatabase("landfall")
    const database = openDatabase(url, { applicationName: "test" })
    ends.push(() => database.close())
    const [producer] = await Promise.all([
      openBulkProducer({ brokers: kafka.brokers, clientId: "test" }),
      createTopics(
        kafka.brokers,
        topics.map(({ name }) => ({ topic: name, partitions })),
      ),
      migrate(database),
    ])
    ends.push(() => producer.close())
    const policy = join(dir, "policy.json")
    await writeFile(policy, JSON.stringify(policyFile(1)))
    const env = {
      KAFKA_BROKERS: kafka.brokers,
      DATABASE_URL: url,
      ALERT_POLICY_FILE: policy,
      TICK_INTERVAL_MS: String(tick_ms),
      LOG_LEVEL: "debug",
    }
    if (history) {
      const writer = await startService("history-writer", env, dir)
      ends.push(() => writer.process.kill())
    }
    const connection = { brokers: kafka.brokers, clientId: "test" }
    const admin = openAdmin(connection)
    const published = await openEventReader({ kafka: connection, admin, topics: [alertTopic] })
    ends.push(() => published.close().then(admin.close))
    world = worldOf({ dir, kafka, postgres, database, env, producer, published })
  }, 120_000)
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  }, 60_000)
  return () => {
    if (world === null) throw new Error("the parts are started before the first test")
    return world
  }
}

const worldOf = ({
  producer,
  published,
  ...given
}: Pick<World, "dir" | "kafka" | "postgres" | "database" | "env"> & {
  readonly producer: BulkProducer
  readonly published: Pick<EventReader, "next">
}): World => {
  const { dir, env } = given
  let files = 0
  const send: World["send"] = (topic, records) => {
    const encode = recordEncoder(topic)
    return producer.send(
      records.map((record) => ({ topic: topic.name, key: topic.key(record), value: encode(record) })),
    )
  }
  const known: Alert[] = []
  const alerts: World["alerts"] = async (pair) => {
    for (let part = await published.next(); part.length > 0; part = await published.next())
      known.push(...part.flatMap(({ event }) => (event === null ? [] : [event.record as Alert])))
    return known.filter((alert) => alert.pair === pair)
  }
  return {
    ...given,
    serve: async (name, more = {}) => {
      const service = await startService(name, { ...env, ...more }, dir)
      onTestFinished(() => service.process.kill())
      return service
    },
    spawn: async (more = {}) => {
      files += 1
      const log = join(dir, `spawned-${files}.log`)
      const child = await spawnLeashed(process.execPath, [main], {
        env: { ...env, HTTP_PORT: "0", ...more },
        log,
      })
      onTestFinished(() => child.kill())
      return { ...child, output: () => readFile(log, "utf8") }
    },
    policy: async (content) => {
      files += 1
      const path = join(dir, `policy-${files}.json`)
      await writeFile(path, JSON.stringify(content))
      return path
    },
    send,
    price: (pair) => {
      const observed_at = timestamp(Date.now())
      const price: MarketPrice = {
        price_event_id: priceEventId(pair, "test", observed_at),
        pair,
        price: "60000.1",
        source: "test",
        observed_at,
      }
      return send(marketPriceTopic, [price])
    },
    alerts,
    transitions: (pair, expected) =>
      until(`${pair}: ${expected.join(", ")}`, async () => {
        const found = await alerts(pair)
        return found.map(short).join() === expected.join() ? found : null
      }),
    stateOf: (service) => service.get<State>("/state"),
    log: (service) => readFile(service.log, "utf8"),
  }
}
