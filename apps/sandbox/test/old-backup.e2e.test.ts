import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { readSigner } from "@landfall/adapters/transparency-log/note-key"
import { attestRecord } from "@landfall/adapters/verify/attest"
import { writeKeyFile } from "@landfall/adapters/verify/key-file"
import { recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { alertTopic } from "@landfall/domain/topics/alert"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { defaultPolicyFile } from "@landfall/evaluators/alerts/policy"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { spawnLeashed } from "@landfall/setup/parts/leash"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { type Bridge, startBridge } from "../src/bridge/start.ts"
import { readTopic } from "../src/read-topic.ts"
import { type RunningService, startService } from "../src/stack/services.ts"
import { until } from "../src/until.ts"

const account_id = "desk.near"
const pair = "BTC/EURe"
const first = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
const second = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
const apps = fileURLToPath(new URL("../../", import.meta.url))
const run = promisify(execFile)
const ends: Array<() => Promise<unknown>> = []
let dir = ""
let kafka: Kafka
let postgres: Postgres
let bridge: Bridge
let env: Readonly<Record<string, string>>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-old-backup-"))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  ;[kafka, postgres, bridge] = await Promise.all([
    startKafka({ dir: join(dir, "kafka") }),
    startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } }),
    startBridge(),
  ])
  ends.push(() => Promise.all([kafka.kill(), postgres.kill(), bridge.stop()]))
  const DATABASE_URL = await postgres.createDatabase("landfall")
  const owner = openDatabase(DATABASE_URL, { applicationName: "set-up" })
  const partitioned = topics.map(({ name }) => ({ topic: name, partitions: 2 }))
  await Promise.all([migrate(owner), createTopics(kafka.brokers, partitioned)])
  await owner.close()
  const ALERT_POLICY_FILE = join(dir, "policy.json")
  const rules = { ...defaultPolicyFile.rules, reference_price_stale: { max_age_ms: 400 } }
  await writeFile(ALERT_POLICY_FILE, JSON.stringify({ ...defaultPolicyFile, rules }))
  env = {
    KAFKA_BROKERS: kafka.brokers,
    DATABASE_URL,
    ALERT_POLICY_FILE,
    BRIDGE_URL: bridge.url,
    ACCOUNT_ID: account_id,
    POLL_INTERVAL_MS: "100",
    BRIDGE_INTERVAL_MS: "100",
    HANDLE_INTERVAL_MS: "100",
    TICK_INTERVAL_MS: "100",
  }
})

afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

const serve = async (name: string, more: Readonly<Record<string, string>> = {}): Promise<RunningService> => {
  const service = await startService(name, { ...env, ...more }, dir)
  onTestFinished(() => service.process.kill())
  return service
}

let processes = 0
/** Runs a program to its end: how it ended, and what it wrote. */
const runToEnd = async (args: ReadonlyArray<string>, more: Readonly<Record<string, string>> = {}) => {
  const log = join(dir, `process-${++processes}.log`)
  const child = await spawnLeashed(process.execPath, args, { env: { ...env, HTTP_PORT: "0", ...more }, log })
  onTestFinished(() => child.kill())
  const { code } = await child.exited
  return { code, output: await readFile(log, "utf8") }
}
const landfall = join(apps, "cli", "bin", "landfall.mjs")

const stopped = (services: ReadonlyArray<RunningService>): Promise<unknown> =>
  Promise.all(services.map((service) => service.process.stop()))

/** What the desk has published, as Kafka has it. */
const published = async () => ({
  handles: (await readTopic(kafka.brokers, liquidityActionTopic)).map(({ funding_handle }) => funding_handle),
  alerts: (await readTopic(kafka.brokers, alertTopic)).map(
    ({ status, episode, alert_key }) => `${status} ${episode} ${alert_key}`,
  ),
})

const inDatabase = async <Result>(work: (database: Database) => Promise<Result>): Promise<Result> => {
  const database = openDatabase(env["DATABASE_URL"] as string, { applicationName: "test" })
  return await work(database).finally(() => database.close())
}

/** Waits until the topics have so many events in the record. */
const recorded = (events: Readonly<Record<string, number>>): Promise<unknown> =>
  inDatabase((database) =>
    until(`${JSON.stringify(events)} to be recorded`, async () => {
      const rows = await database.transaction((transaction) =>
        transaction.query<{ topic: string; leaves: string }>(
          "select topic, sum(log_size)::text as leaves from checkpoints group by topic",
        ),
      )
      const found = new Map(rows.map(({ topic, leaves }) => [topic, Number(leaves)]))
      return Object.entries(events).every(([topic, leaves]) => found.get(topic) === leaves) ? true : null
    }),
  )

const price = async (): Promise<void> => {
  const observed_at = timestamp(Date.now())
  const record: MarketPrice = {
    ...{ price_event_id: priceEventId(pair, "test", observed_at), pair, price: "60000.1" },
    ...{ source: "test", observed_at },
  }
  const producer = await openBulkProducer({ brokers: kafka.brokers, clientId: "test" })
  const value = recordEncoder(marketPriceTopic)(record)
  await producer.send([{ topic: marketPriceTopic.name, key: marketPriceTopic.key(record), value }])
  await producer.close()
}

const folders = (): ReadonlyArray<string> => ["kafka", "postgres"].map((part) => join(dir, part))

/** Both are stopped, and their data copied away; then they go on. */
const backUp = async (): Promise<void> => {
  await Promise.all([kafka.stop(), postgres.stop()])
  for (const folder of folders()) await run("cp", ["-a", join(folder, "data"), join(folder, "backup")])
  await Promise.all([kafka.restart(), postgres.restart()])
}

const restore = async (): Promise<void> => {
  await Promise.all([kafka.stop(), postgres.stop()])
  for (const folder of folders()) {
    await rm(join(folder, "data"), { recursive: true })
    await run("cp", ["-a", join(folder, "backup"), join(folder, "data")])
  }
  await Promise.all([kafka.restart(), postgres.restart()])
}

const deciding = ["liquidity-manager", "ops-sentinel"]

test("row 6, once: behind backups of Kafka and PostgreSQL of one age nothing is published until an operator attests what is there", {
  timeout: 300_000,
}, async () => {
  // As it is when the backups are made: one address, one price, and nobody has looked at its age.
  const issue = (address: string) => bridge.control.issueHandle({ account_id, chain: "btc:mainnet", address })
  await issue(first)
  await price()
  const before = await Promise.all(["history-writer", "liquidity-manager"].map((name) => serve(name)))
  await recorded({ [liquidityActionTopic.name]: 1, [marketPriceTopic.name]: 1 })
  await stopped(before)
  const then = await published()
  expect(then).toEqual({ handles: [first], alerts: [] })
  await backUp()

  // Another address and an alert are published, recorded and attested.
  await issue(second)
  const services = await Promise.all(["history-writer", ...deciding].map((name) => serve(name)))
  await recorded({ [liquidityActionTopic.name]: 2, [alertTopic.name]: 1 })
  const key = join(dir, "landfall.key")
  const ATTESTATIONS_PUBLIC_KEY = await writeKeyFile("desk.example/landfall", key)
  const ATTESTATIONS_FILE = join(dir, "attestations")
  const signer = readSigner(await readFile(key, "utf8"))
  const attest = () => inDatabase((database) => attestRecord(database, ATTESTATIONS_FILE, signer, Date.now()))
  expect((await attest()).attested).not.toBeNull()
  const later = await published()
  expect(later).toEqual({
    handles: [first, second],
    alerts: [expect.stringMatching(/^raised 1 reference_price_stale/)],
  })
  await stopped(services)
  await restore()

  // Both agree with each other, and would go on: only what was attested knows better.
  const attested = { ATTESTATIONS_FILE, ATTESTATIONS_PUBLIC_KEY }
  // Whoever would publish all the same does not end with the reason, but is killed at that point.
  const caught = { ...attested, LANDFALL_FAILPOINT: "before_kafka_commit" }
  const starts = deciding.map((name) => runToEnd([join(apps, name, "src", "main.ts")], caught))
  for (const { code, output } of await Promise.all(starts)) {
    expect(code, output).toBe(1)
    expect(output).toMatch(
      /ops\.alert\/\d: 1 leaves with root \S+ up to position \d+ were attested at \S+, and the record has 0 with root/,
    )
    expect(output).toMatch(/ops\.liquidity_action\/\d: \d leaves .* docs\/runbook\/old-backup\.md/)
  }
  expect(await published()).toEqual(then)
  // The job that attests regularly is not the operator: it goes on refusing.
  expect((await attest()).attested).toBeNull()

  // The operator has looked, and attests what is there to a new file.
  const anew = join(dir, "attestations-restored")
  const word = await runToEnd([landfall, "verify", "--attest", anew, "--key", key])
  expect(word.code, word.output).toBe(0)
  await Promise.all(deciding.map((name) => serve(name, { ...attested, ATTESTATIONS_FILE: anew })))
  await until("what is published again", async () => {
    const { handles, alerts } = await published()
    return handles.length >= later.handles.length && alerts.length >= later.alerts.length ? true : null
  })
  expect(await published()).toEqual(later)
})
