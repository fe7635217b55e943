import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { verifyAlerts } from "@landfall/adapters/verify/verify-alerts"
import { verifyRecord } from "@landfall/adapters/verify/verify-record"
import { amount } from "@landfall/domain/amount"
import { type JsonRpc, jsonRpc } from "@landfall/setup/parts/json-rpc"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { type Fate, type KafkaProxy, startKafkaProxy } from "@landfall/setup/parts/kafka-proxy"
import { freePort } from "@landfall/setup/parts/ports"
import postgres from "postgres"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import { writePolicy } from "../src/stack/alert-policy.ts"
import type { Cleanup } from "../src/stack/ending.ts"
import { landfallEnvironment } from "../src/stack/environment.ts"
import { type Parts, startParts } from "../src/stack/parts.ts"
import { type RunningService, standingOf, startService } from "../src/stack/services.ts"
import { openFundedWallet, openWallet } from "../src/stack/wallets.ts"
import { openTerminal } from "../src/terminal.ts"
import { until } from "../src/until.ts"

const timeout = 180_000
const account = "desk.near"
const safe = "0x5afe5afe5afe5afe5afe5afe5afe5afe5afe5afe"

const ends: Array<() => Promise<unknown>> = []
let folder = ""
let policyFile = ""
let proxy: KafkaProxy
let broker: Kafka
let parts: Parts
let sql: postgres.Sql
let miner: JsonRpc
let bridgeWallet: JsonRpc
let anvil: JsonRpc
let services: ReadonlyMap<string, RunningService> = new Map()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "landfall-reorgs-"))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const cleanup: Cleanup = { add: (end) => ends.push(end), run: async () => {} }
  const port = await freePort()
  proxy = await startKafkaProxy(port)
  cleanup.add(proxy.close)
  broker = await startKafka({ dir: join(folder, "kafka"), port, advertisedPort: proxy.port })
  cleanup.add(() => broker.kill())
  const terminal = openTerminal(process.stderr, { NO_COLOR: "1" })
  parts = await startParts(terminal, folder, { KAFKA_BROKERS: broker.brokers }, cleanup)
  sql = postgres(parts.databaseUrl, { max: 2, onnotice: () => {} })
  cleanup.add(() => sql.end())
  miner = await openFundedWallet(parts.bitcoinUrl, "miner")
  bridgeWallet = await openWallet(parts.bitcoinUrl, "bridge")
  anvil = jsonRpc(parts.gnosisUrl)
  await parts.bridge.control.issueHandle({ account_id: account, chain: "eth:100", address: safe })
  policyFile = await writePolicy(folder, account)
  const policy = JSON.parse(await readFile(policyFile, "utf8"))
  // However long the services take to start again, what left the chain is still to be told.
  policy.rules.funding_stuck.report_withdrawn_ms = 500_000
  await writeFile(policyFile, JSON.stringify(policy))
  await startAll()
}, timeout)
afterAll(async () => {
  await killAll()
  for (const end of ends.reverse()) await end().catch(() => {})
}, timeout)

/** All services, the writer first, which makes the tables. */
const startAll = async (): Promise<void> => {
  const env = landfallEnvironment(parts, account)
  const started = new Map<string, RunningService>()
  const start = async (
    name: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<RunningService> => {
    const service = await startService(name, { ...env, ...more }, folder)
    started.set(name, service)
    services = started
    return service
  }
  await start("history-writer")
  await Promise.all([
    start("liquidity-manager").then(({ url }) => start("inventory-sync", { LIQUIDITY_MANAGER_URL: url })),
    start("market-reference-ingest"),
    start("ops-sentinel", { ALERT_POLICY_FILE: policyFile }),
  ])
}

const killAll = async (): Promise<void> => {
  await Promise.all([...services.values()].map(({ process }) => process.kill()))
}

/** Kills every service, one after another, while that happens; then all of them are started again. */
const killedDuring = async (happens: () => Promise<unknown>): Promise<void> => {
  const happening = happens()
  for (const { process } of services.values()) {
    await process.kill()
    await sleep(50)
  }
  await happening
  await startAll()
}

const standing = () => standingOf(services.values())

interface Row {
  readonly transfer_id: string
  readonly status: string
}

const transfer = (tx_hash: string, status: string): Promise<Row> =>
  until(
    `transfer ${tx_hash} to be ${status}`,
    async () => {
      const [row] = await sql<Row[]>`
        select transfer_id, status from funding_transfer_snapshot where tx_hash = ${tx_hash}`
      return row?.status === status ? row : null
    },
    { standing },
  )

/** What was observed of a transaction, in order; its revisions must be 1, 2, 3 … */
const statuses = async (tx_hash: string): Promise<ReadonlyArray<string>> => {
  const rows = await sql<{ revision: number; status: string }[]>`
    select revision, status from funding_observations where tx_hash = ${tx_hash}
    order by topic_partition, kafka_offset`
  expect(rows.map(({ revision }) => revision)).toEqual(rows.map((_, index) => index + 1))
  return rows.map(({ status }) => status)
}

/** The alert's transitions about the transaction, in short and in order, once they are these. */
const transitions = (code: string, tx_hash: string, expected: ReadonlyArray<string>) =>
  until(
    `${code} about ${tx_hash}: ${expected.join(", ")}`,
    async () => {
      const rows = await sql<{ payload: string }[]>`
        select payload from ops_alerts where alert_code = ${code} order by topic_partition, kafka_offset`
      const found = rows
        .map(({ payload }) => JSON.parse(payload) as { tx_hash?: string; status: string; episode: number })
        .filter((alert) => alert.tx_hash === tx_hash)
        .map(({ status, episode }) => `${status} ${episode}`)
      return found.join() === expected.join() ? found : null
    },
    { standing },
  )

/** Resolves when the service has written these words to its log, after what is there now. */
const saysNext = async (name: string, words: string): Promise<true> => {
  const log = () => readFile(services.get(name)?.log ?? "", "utf8")
  const { length } = await log()
  return until(`${name} to say ${words}`, async () =>
    (await log()).slice(length).includes(words) ? true : null,
  )
}

/** What was spendable in every inventory that was ever published. */
const spendableEver = async (): Promise<ReadonlyArray<string>> => {
  const rows = await sql<{ payload: string }[]>`select payload from intent_inventories`
  return rows.flatMap(({ payload }) =>
    (JSON.parse(payload) as { balances: { spendable: string }[] }).balances.map(({ spendable }) => spendable),
  )
}

const mine = async (blocks: number): Promise<void> => {
  await miner("generatetoaddress", blocks, await miner<string>("getnewaddress"))
}

const newHandle = async (): Promise<string> => {
  const address = await bridgeWallet<string>("getnewaddress", "", "bech32")
  await parts.bridge.control.issueHandle({ account_id: account, chain: "btc:mainnet", address })
  return address
}

const deposit = async (): Promise<{ readonly address: string; readonly txid: string }> => {
  const address = await newHandle()
  return { address, txid: await miner<string>("sendtoaddress", address, "0.01") }
}

/** Takes the transaction's block out of the chain, in favour of a longer one of empty blocks. */
const reorg = async (txid: string, depth: number): Promise<void> => {
  const { blockhash, confirmations } = await miner<{ blockhash: string; confirmations: number }>(
    "gettransaction",
    txid,
  )
  expect(confirmations).toBe(depth)
  await parts.bitcoin("invalidateblock", blockhash)
  const elsewhere = await miner<string>("getnewaddress")
  for (let block = 0; block <= depth; block++) await parts.bitcoin("generateblock", elsewhere, [])
}

/** What has failed may have left anything behind; the next attempt, where there is one, is to meet none of it. */
const beginAnew = async (): Promise<void> => {
  await killAll()
  proxy.heal()
  await broker.kill()
  await broker.restart()
  await proxy.letGo()
  await startAll()
}

/** The whole record against itself, the topics, and every alert decided again. */
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await beginAnew()
  const kafka = { brokers: parts.brokers, clientId: "verify" }
  const admin = openAdmin(kafka)
  const database = openDatabase(parts.databaseUrl, { applicationName: "verify" })
  try {
    const { differences } = await verifyRecord(database, {
      kafka: { kafka, admin },
      further: [verifyAlerts(new AbortController().signal)],
    })
    expect(differences).toEqual([])
  } finally {
    admin.close()
    await database.close()
  }
})

it("row 17, order, absence, credit: reorganisations 1 and 6 blocks deep, and beyond finality, while every service is killed", {
  timeout,
}, async () => {
  const { bridge, eure } = parts
  if (eure === null) throw new Error("the desk has no EURe")
  // Deep enough for 6, credited; and one more in the newest block.
  const credited = await deposit()
  await transfer(credited.txid, "seen")
  await mine(6)
  await transfer(credited.txid, "confirmed")
  const { deposit_id } = await bridge.control.addDeposit({
    ...{ account_id: account, chain: "btc:mainnet", address: credited.address },
    ...{ amount: amount(1_000_000n), tx_hash: credited.txid },
  })
  await bridge.control.credit({ deposit_id })
  await transfer(credited.txid, "credited")
  const wei = 2_000_000_000_000_000_000n
  const hash = await eure.send(safe, wei)
  const raw = await anvil<string>("eth_getRawTransactionByHash", hash)
  await anvil("anvil_mine", "0x5")
  await transfer(hash, "confirmed")

  // Both chains at once: 6 blocks of Bitcoin, and 6 of the other, of which four were final.
  await killedDuring(async () => {
    await reorg(credited.txid, 6)
    await anvil("anvil_reorg", 6, [])
  })
  await Promise.all([transfer(credited.txid, "reorged"), transfer(hash, "reorged")])
  await transitions("funding_stuck", credited.txid, ["raised 1"])
  await transitions("funding_stuck", hash, ["raised 1"])

  await killedDuring(async () => {
    await mine(1)
    await anvil("anvil_reorg", 1, [[raw, 0]])
    await anvil("anvil_mine", "0x8")
  })
  await Promise.all([transfer(credited.txid, "credited"), transfer(hash, "confirmed")])
  await transitions("funding_stuck", credited.txid, ["raised 1", "cleared 1"])
  await transitions("funding_stuck", hash, ["raised 1", "cleared 1"])

  const shallow = await deposit()
  await mine(1)
  await transfer(shallow.txid, "confirming")
  await killedDuring(() => reorg(shallow.txid, 1))
  await transfer(shallow.txid, "reorged")
  await mine(2)
  await transfer(shallow.txid, "confirmed")

  for (const tx_hash of [credited.txid, hash, shallow.txid]) {
    const observed = await statuses(tx_hash)
    expect(observed.filter((status) => status === "reorged")).toHaveLength(1)
    expect(["seen", "confirming", "confirmed", "credited", "reorged"]).toEqual(
      expect.arrayContaining([...observed]),
    )
  }
  expect(new Set(await spendableEver())).toEqual(new Set(["0"]))
})

it("row 8, order: commits that are answered with a broken connection, after the broker was killed, or never, double no observation and no alert", {
  timeout,
}, async () => {
  const { bridge } = parts
  const both = (fate: Fate) =>
    Promise.all(["liquidity-manager", "ops-sentinel"].map((name) => proxy.spoil(fate, "EndTxn", name)))
  const broken = both("answer lost, connection closed")
  const { address, txid } = await deposit()
  await transfer(txid, "seen")
  await transitions("funding_seen_unconfirmed", txid, ["raised 1"])
  await broken

  const held = proxy.spoil("request held", "EndTxn", "liquidity-manager")
  await mine(1)
  await held
  await broker.kill()
  await broker.restart()
  await proxy.letGo()
  await transfer(txid, "confirming")
  await transitions("funding_seen_unconfirmed", txid, ["raised 1", "cleared 1"])

  // Whoever is never answered waits 30 s, takes a new producer, and looks what became of its batch.
  const gaveUp = Promise.all([
    saysNext("liquidity-manager", "nothing is decided until the topics were read again"),
    saysNext("ops-sentinel", "a publication is uncertain"),
  ])
  gaveUp.catch(() => {}) // awaited below, unless something fails before
  const unanswered = both("answer lost in silence")
  await mine(1)
  await transfer(txid, "confirmed")
  await transitions("funding_confirmed_credit_pending", txid, ["raised 1"])
  await unanswered
  await gaveUp

  const { deposit_id } = await bridge.control.addDeposit({
    ...{ account_id: account, chain: "btc:mainnet", address },
    ...{ amount: amount(1_000_000n), tx_hash: txid },
  })
  await bridge.control.credit({ deposit_id })
  await transfer(txid, "credited")
  await transitions("funding_confirmed_credit_pending", txid, ["raised 1", "cleared 1"])
  await transitions("funding_seen_unconfirmed", txid, ["raised 1", "cleared 1"])
  const observed = await statuses(txid)
  expect(observed.filter((status, place) => status !== observed[place - 1])).toEqual([
    "seen",
    "confirming",
    "confirmed",
    "credited",
  ])
})
