import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { verifyAlerts } from "@landfall/adapters/verify/verify-alerts"
import { verifyRecord } from "@landfall/adapters/verify/verify-record"
import { amount } from "@landfall/domain/amount"
import { topics } from "@landfall/domain/registry"
import { intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { type Bitcoind, startBitcoind } from "@landfall/setup/parts/bitcoind"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import { standStill } from "@landfall/setup/parts/stand-still"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Bridge, startBridge } from "../src/bridge/start.ts"
import { readTopic } from "../src/read-topic.ts"
import { writePolicy } from "../src/stack/alert-policy.ts"
import { type RunningService, startService } from "../src/stack/services.ts"
import { type SimulatedTicker, startTicker } from "../src/ticker/start.ts"
import { until } from "../src/until.ts"
import { type SimulatedVerifier, startVerifier } from "../src/verifier/start.ts"

const account_id = "desk.near"
const ends: Array<() => Promise<unknown>> = []
let dir = ""
let kafka: Kafka
let database: Database
let bitcoind: Bitcoind
let ticker: SimulatedTicker
let bridge: Bridge
let verifier: SimulatedVerifier
let env: Readonly<Record<string, string>> = {}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-ending-"))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  kafka = await startKafka({ dir: join(dir, "kafka") })
  ends.push(() => kafka.kill())
  const [postgres, node] = await Promise.all([
    startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } }),
    startBitcoind({ dir: join(dir, "bitcoind") }),
  ])
  ends.push(() => Promise.all([postgres.kill(), node.kill()]))
  bitcoind = node
  const simulated = await Promise.all([
    startTicker({ prices: { XXBTZEUR: "60000" } }),
    startBridge(),
    startVerifier(),
  ])
  ends.push(() => Promise.all(simulated.map((part) => part.stop())))
  ;[ticker, bridge, verifier] = simulated
  const databaseUrl = await postgres.createDatabase("landfall")
  database = openDatabase(databaseUrl, { applicationName: "test" })
  ends.push(() => database.close())
  const partitioned = topics.map(({ name }) => ({ topic: name, partitions: 2 }))
  await Promise.all([migrate(database), createTopics(kafka.brokers, partitioned)])
  env = {
    KAFKA_BROKERS: kafka.brokers,
    KAFKA_MEMBER_NAME: "the-only-one",
    DATABASE_URL: databaseUrl,
    ACCOUNT_ID: account_id,
    BITCOIN_OBSERVER_URL: bitcoind.url,
    BITCOIN_NETWORK: "regtest",
    BRIDGE_URL: bridge.url,
    VERIFIER_URL: verifier.url,
    PRICE_URL: ticker.url,
    PRICE_PAIRS: "BTC/EURe=XXBTZEUR",
    ALERT_POLICY_FILE: await writePolicy(dir, account_id),
    POLL_INTERVAL_MS: "100",
    BRIDGE_INTERVAL_MS: "100",
    HANDLE_INTERVAL_MS: "100",
    INVENTORY_POLL_INTERVAL_MS: "100",
    PRICE_POLL_INTERVAL_MS: "100",
    // Longer than the test: only what is news is published, once.
    INVENTORY_HEARTBEAT_MS: "3600000",
    PRICE_HEARTBEAT_MS: "3600000",
  }
})

afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

const names = [
  "history-writer",
  "market-reference-ingest",
  "inventory-sync",
  "liquidity-manager",
  "ops-sentinel",
]

const startAll = async (folder: string): Promise<ReadonlyArray<RunningService>> => {
  const started: RunningService[] = []
  for (const name of names) {
    const service = await startService(name, env, join(dir, folder))
    ends.push(() => service.process.kill())
    started.push(service)
  }
  return started
}

/** Something for each service to publish: a price, an inventory, an address for deposits. */
const makeNews = async (nth: number): Promise<void> => {
  const token_id = "nep141:btc.omft.near"
  const address = await bitcoind.miner<string>("getnewaddress")
  await Promise.all([
    ticker.control.setPrice("XXBTZEUR", String(60_000 + nth)),
    verifier.control.setBalance({ account_id, token_id, amount: amount(BigInt(nth)) }),
    bridge.control.issueHandle({ account_id, chain: "btc:mainnet", address }),
  ])
}

/** All that can be read of what was published. */
const published = async () => ({
  prices: (await readTopic(kafka.brokers, marketPriceTopic)).map(({ price }) => price),
  spendable: (await readTopic(kafka.brokers, intentInventoryTopic)).map(
    ({ balances }) => balances.find(({ asset_id }) => asset_id === "BTC")?.spendable,
  ),
  handles: (await readTopic(kafka.brokers, liquidityActionTopic)).length,
})

/** Waits until the news, and all before it, can be read. */
const untilPublished = (nth: number) =>
  until(`news ${nth} to be published`, async () => {
    const now = await published()
    const there = [now.prices.at(-1), now.spendable.at(-1), now.handles]
    return there.join() === [60_000 + nth, BigInt(nth), nth].join() ? now : null
  })

interface LogLine {
  readonly msg: string
  readonly kafka_calls_under_way?: ReadonlyArray<string>
}

/** Tells a service to end: how it ended, and what it said that was left over. Beyond its time it is killed. */
const told = async ({ name, process, log }: RunningService) => {
  await process.stop("SIGTERM", 30_000)
  const lines = (await readFile(log, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as LogLine)
  const leftOver = lines.find(({ kafka_calls_under_way }) => kafka_calls_under_way !== undefined)
  return { name, ...(await process.exited), leftOver: leftOver?.kafka_calls_under_way ?? null }
}

it("row 14: told to end while the broker stands still, every service ends within its time, and says what it leaves to its successor", {
  timeout: 500_000,
}, async () => {
  const first = await startAll("first")
  await makeNews(1)
  await untilPublished(1)

  const goOn = standStill(kafka.pid)
  try {
    await makeNews(2)
    // The publishers wait for the answer to a commit.
    await Promise.all(
      first
        .filter(({ name }) => name === "market-reference-ingest" || name === "inventory-sync")
        .map((service) =>
          until(`${service.name} to be in a commit`, () =>
            service.get("/health/ready").then(
              () => null,
              () => true,
            ),
          ),
        ),
    )
    const endings = await Promise.all(first.map(told))
    expect(endings.map(({ name, code, signal }) => ({ name, code, signal }))).toEqual(
      endings.map(({ name, leftOver }) => ({ name, code: leftOver === null ? 0 : 1, signal: null })),
    )
    const inWords = (name: string) => endings.find((ending) => ending.name === name)?.leftOver?.join("; ")
    expect(inWords("market-reference-ingest")).toContain("committing to ref.market_price")
    expect(inWords("inventory-sync")).toContain("committing to state.intent_inventory")
    expect(inWords("history-writer")).toContain("closing the consumer")
  } finally {
    goOn()
  }

  // Successors take the transactional ids: what was left open is aborted, and published by them.
  await startAll("second")
  const { prices, spendable } = await untilPublished(2)
  expect(prices).toEqual(["60000", "60001", "60002"])
  expect(spendable.slice(-2)).toEqual([1n, 2n])
  const admin = openAdmin({ brokers: kafka.brokers, clientId: "verify" })
  try {
    const { differences } = await verifyRecord(database, {
      kafka: { kafka: { brokers: kafka.brokers, clientId: "verify" }, admin },
      further: [verifyAlerts(new AbortController().signal)],
    })
    expect(differences).toEqual([])
  } finally {
    admin.close()
  }
})
