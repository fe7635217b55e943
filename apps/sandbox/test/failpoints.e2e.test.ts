import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import type { Failpoint } from "@landfall/adapters/process/failpoint"
import { amount } from "@landfall/domain/amount"
import { topics } from "@landfall/domain/registry"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { startBitcoind } from "@landfall/setup/parts/bitcoind"
import { startKafka } from "@landfall/setup/parts/kafka"
import { spawnLeashed } from "@landfall/setup/parts/leash"
import { startPostgres } from "@landfall/setup/parts/postgres"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { startBridge } from "../src/bridge/start.ts"
import { readTopic } from "../src/read-topic.ts"
import { startService } from "../src/stack/services.ts"
import { startTicker } from "../src/ticker/start.ts"
import { until } from "../src/until.ts"
import { startVerifier } from "../src/verifier/start.ts"

const account_id = "desk.near"
const apps = fileURLToPath(new URL("../../", import.meta.url))
const ends: Array<() => Promise<unknown>> = []
let dir = ""
let brokers = ""
let databaseUrl = ""

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-failpoints-"))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  const [kafka, postgres] = await Promise.all([
    startKafka({ dir: join(dir, "kafka") }),
    startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } }),
  ])
  ends.push(() => Promise.all([kafka.kill(), postgres.kill()]))
  brokers = kafka.brokers
  databaseUrl = await postgres.createDatabase("landfall")
  const owner = openDatabase(databaseUrl, { applicationName: "set-up" })
  const partitioned = topics.map(({ name }) => ({ topic: name, partitions: 2 }))
  await Promise.all([migrate(owner), createTopics(brokers, partitioned)])
  await owner.close()
})

afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

/** A kill, and how many records of the service can be read once it is dead. */
type Kill = readonly [point: Failpoint, records: number]

/** The points of a service that publishes, with what it has published by then when one batch is due. */
const kills: ReadonlyArray<Kill> = [
  ["after_fetch", 0],
  ["before_kafka_commit", 0],
  ["after_kafka_commit", 1],
]

/** Starts the service once for each kill: each of the processes goes on from where the one before it was killed. */
const killAtEach = async (
  name: string,
  env: Readonly<Record<string, string>>,
  points: ReadonlyArray<Kill>,
  records: () => Promise<ReadonlyArray<unknown>>,
): Promise<void> => {
  for (const [nth, [point, published]] of points.entries()) {
    const log = join(dir, `${name}-${nth}.log`)
    const child = await spawnLeashed(process.execPath, [join(apps, name, "src", "main.ts")], {
      env: { ...env, HTTP_PORT: "0", LANDFALL_FAILPOINT: point },
      log,
    })
    onTestFinished(() => child.kill())
    const ending = await child.exited
    expect(ending, `${point}: ${await readFile(log, "utf8")}`).toEqual({ code: null, signal: "SIGKILL" })
    expect(await readFile(log, "utf8")).toContain(`failpoint ${point}, passing 1: kill`)
    expect(await records(), `${nth}: ${point}`).toHaveLength(published)
  }
}

const serve = async (name: string, env: Readonly<Record<string, string>>): Promise<void> => {
  const service = await startService(name, env, dir)
  onTestFinished(() => service.process.kill())
}

/** Waits until so many records are there; more are noticed by who compares them. */
const untilThere = <Record>(records: () => Promise<ReadonlyArray<Record>>, count: number) =>
  until(`${count} records to be there`, async () => {
    const found = await records()
    return found.length >= count ? found : null
  })

test("market-reference-ingest, killed at each named point, publishes each price once and in order", async () => {
  const ticker = await startTicker({ prices: { XXBTZEUR: "60000.1" } })
  onTestFinished(() => ticker.stop())
  const env = {
    KAFKA_BROKERS: brokers,
    PRICE_URL: ticker.url,
    PRICE_PAIRS: "BTC/EURe=XXBTZEUR",
    PRICE_POLL_INTERVAL_MS: "50",
    PRICE_HEARTBEAT_MS: "3600000",
  }
  const prices = async () => (await readTopic(brokers, marketPriceTopic)).map(({ price }) => price)
  await killAtEach("market-reference-ingest", env, kills, prices)
  // What is known was published: it is not news to a process that starts.
  await serve("market-reference-ingest", env)
  await ticker.control.setPrice("XXBTZEUR", "60002")
  expect(await untilThere(prices, 2)).toEqual(["60000.1", "60002"])
})

test("inventory-sync, killed at each named point, publishes each inventory once and in order", async () => {
  const [verifier, bridge] = await Promise.all([startVerifier(), startBridge()])
  onTestFinished(() => Promise.all([verifier.stop(), bridge.stop()]).then(() => undefined))
  const hold = (units: bigint) =>
    verifier.control.setBalance({ account_id, token_id: "nep141:btc.omft.near", amount: amount(units) })
  const env = {
    KAFKA_BROKERS: brokers,
    ACCOUNT_ID: account_id,
    VERIFIER_URL: verifier.url,
    BRIDGE_URL: bridge.url,
    INVENTORY_POLL_INTERVAL_MS: "50",
    INVENTORY_HEARTBEAT_MS: "3600000",
  }
  const spendable = async () =>
    (await readTopic(brokers, intentInventoryTopic)).map(
      ({ balances }) => balances.find(({ asset_id }) => asset_id === "BTC")?.spendable,
    )
  await hold(10n)
  await killAtEach("inventory-sync", env, kills, spendable)
  await serve("inventory-sync", env)
  await hold(20n)
  expect(await untilThere(spendable, 2)).toEqual([10n, 20n])
})

test("liquidity-manager, killed at each named point, publishes each handle and each revision once and in order", async () => {
  const bitcoind = await startBitcoind({ dir: join(dir, "bitcoind") })
  ends.push(() => bitcoind.kill())
  const bridge = await startBridge()
  onTestFinished(() => bridge.stop())
  const address = await bitcoind.miner<string>("getnewaddress")
  await bridge.control.issueHandle({ account_id, chain: "btc:mainnet", address })
  const tx_hash = await bitcoind.miner<string>("sendtoaddress", address, "0.5")
  const env = {
    KAFKA_BROKERS: brokers,
    DATABASE_URL: databaseUrl,
    BITCOIN_OBSERVER_URL: bitcoind.url,
    BITCOIN_NETWORK: "regtest",
    BRIDGE_URL: bridge.url,
    ACCOUNT_ID: account_id,
    POLL_INTERVAL_MS: "100",
    BRIDGE_INTERVAL_MS: "100",
    HANDLE_INTERVAL_MS: "100",
  }
  const handles = async () =>
    (await readTopic(brokers, liquidityActionTopic)).map(({ funding_handle }) => funding_handle)
  const seen = async () =>
    (await readTopic(brokers, fundingObservationTopic)).map(
      ({ revision, status, ...seen }) => `${seen.tx_hash} ${revision} ${status}`,
    )
  const both = async () => [...(await handles()), ...(await seen())]
  // The handle is published first, and what came to it once the handle is known.
  await killAtEach(
    "liquidity-manager",
    env,
    [
      ["before_kafka_commit", 0],
      ["after_kafka_commit", 1],
      ["after_fetch", 1],
      ["before_kafka_commit", 1],
      ["after_kafka_commit", 2],
    ],
    both,
  )
  await bitcoind.mine(1)
  await serve("liquidity-manager", env)
  expect(await untilThere(seen, 2)).toEqual([`${tx_hash} 1 seen`, `${tx_hash} 2 confirming`])
  expect(await handles()).toEqual([address])
})
