import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { verifyAlerts } from "@landfall/adapters/verify/verify-alerts"
import { verifyRecord } from "@landfall/adapters/verify/verify-record"
import { amount } from "@landfall/domain/amount"
import type { Alert } from "@landfall/domain/topics/alert"
import type { JsonRpc } from "@landfall/setup/parts/json-rpc"
import { type MovedClock, movedClock } from "@landfall/setup/parts/moved-clock"
import postgres from "postgres"
import { afterAll, beforeAll, expect, it } from "vitest"
import { deskPair, writePolicy } from "../src/stack/alert-policy.ts"
import type { Cleanup } from "../src/stack/ending.ts"
import { landfallEnvironment } from "../src/stack/environment.ts"
import { type Parts, startParts } from "../src/stack/parts.ts"
import { type RunningService, startService } from "../src/stack/services.ts"
import { openFundedWallet, openWallet } from "../src/stack/wallets.ts"
import { openTerminal } from "../src/terminal.ts"
import { checkInvariants } from "../src/testing/record-invariants.ts"
import { until } from "../src/until.ts"

const timeout = 180_000
const account_id = "desk.near"
const token_id = "nep141:btc.omft.near"
const hour_s = 3_600
/** Of the price and of a deposit that is not mined. */
const window_ms = 4_000
const heartbeat_ms = 1_000
/** Much more than a steady clock gains or loses on one that is an hour off while this runs. */
const gained_ms = 2_000

const ends: Array<() => Promise<unknown>> = []
let parts: Parts
let sql: postgres.Sql
let clock: MovedClock
let miner: JsonRpc
let bridgeWallet: JsonRpc
let services: ReadonlyArray<RunningService> = []

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "landfall-moved-clock-"))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const cleanup: Cleanup = { add: (end) => ends.push(end), run: async () => {} }
  parts = await startParts(openTerminal(process.stderr, { NO_COLOR: "1" }), folder, {}, cleanup)
  sql = postgres(parts.databaseUrl, { max: 2, onnotice: () => {} })
  ends.push(() => sql.end())
  miner = await openFundedWallet(parts.bitcoinUrl, "miner")
  bridgeWallet = await openWallet(parts.bitcoinUrl, "bridge")
  const policyFile = await writePolicy(folder, account_id)
  const policy = JSON.parse(await readFile(policyFile, "utf8"))
  policy.rules.reference_price_stale.max_age_ms = window_ms
  policy.rules.funding_seen_unconfirmed.window_ms = window_ms
  await writeFile(policyFile, JSON.stringify(policy))
  // One clock for all of them, as on one machine; the parts are elsewhere, and theirs is right.
  clock = await movedClock(folder)
  const env = { ...landfallEnvironment(parts, account_id), ...clock.env }
  const start = async (name: string, more: Readonly<Record<string, string>> = {}) => {
    const service = await startService(name, { ...env, ...more }, folder)
    ends.push(() => service.process.kill())
    return service
  }
  const writer = await start("history-writer")
  const manager = await start("liquidity-manager")
  services = [
    writer,
    manager,
    ...(await Promise.all([
      start("inventory-sync", { LIQUIDITY_MANAGER_URL: manager.url }),
      start("market-reference-ingest"),
      start("ops-sentinel", { ALERT_POLICY_FILE: policyFile }),
    ])),
  ]
}, timeout)
afterAll(async () => {
  for (const end of ends.reverse()) await end().catch(() => {})
}, timeout)

const skewOf = async ({ url }: RunningService): Promise<number> => {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^landfall_clock_skew_seconds (\S+)$/m.exec(metrics)?.[1])
}

const shownSkewOf = async ({ url }: RunningService): Promise<unknown> => {
  const state: unknown = await (await fetch(`${url}/state`)).json()
  return (state as { readonly clock_skew_seconds?: unknown }).clock_skew_seconds
}

/** Moves the clock of all services, and resolves when each shows that it is so far off. */
const move = async (seconds: number): Promise<void> => {
  await clock.move(seconds)
  for (const service of services)
    await until(`the skew of ${service.name} to be ${seconds} seconds`, async () =>
      Math.abs((await skewOf(service)) - seconds) < 60 ? true : null,
    )
  for (const service of services)
    expect(Math.abs(Number(await shownSkewOf(service)) - seconds), service.name).toBeLessThan(60)
}

type Table = "market_prices" | "intent_inventories" | "funding_observations" | "ops_alerts"

/** What the writer has kept, in order. */
const recorded = async <Event>(table: Table): Promise<ReadonlyArray<Event>> => {
  const rows = await sql<{ payload: string }[]>`
    select payload from ${sql(table)} order by topic_partition, kafka_offset`
  return rows.map(({ payload }) => JSON.parse(payload) as Event)
}

interface Price {
  readonly pair: string
  readonly price: string
  readonly observed_at: string
}

interface Inventory {
  readonly observed_at: string
  readonly balances: ReadonlyArray<{ readonly asset_id: string; readonly spendable: string }>
}

interface Observation {
  readonly tx_hash: string
  readonly revision: number
  readonly status: string
  readonly first_seen_at: string
  readonly last_seen_at: string
}

const spendable = ({ balances }: Inventory) =>
  balances.find(({ asset_id }) => asset_id === "BTC")?.spendable ?? "0"

/** Sets both from outside, and resolves when it is kept, and after it what is told again although nothing changed. */
const flows = async (price: string, units: bigint): Promise<void> => {
  await parts.ticker.control.setPrice("XXBTZEUR", price)
  await parts.verifier.control.setBalance({ account_id, token_id, amount: amount(units) })
  await until(`the price ${price} twice, and the balance ${units} twice`, async () => {
    const prices = await recorded<Price>("market_prices")
    const inventories = await recorded<Inventory>("intent_inventories")
    const both =
      prices.filter((told) => told.price === price).length > 1 &&
      inventories.filter((told) => spendable(told) === String(units)).length > 1
    return both ? true : null
  })
}

/** A time that a service stamped with its steady clock is one of this test, whatever clock the service was shown. */
const expectTrue = (at: string | null, from_ms: number): void => {
  expect(Date.parse(at ?? "")).toBeGreaterThan(from_ms - gained_ms)
  expect(Date.parse(at ?? "")).toBeLessThan(Date.now() + gained_ms)
}

const began_ms = Date.now()

/** The latest transition of the alert about the subject, once it is this one: decided by a true time, and not too early. */
const transition = async (alert_code: string, about: Partial<Alert>, expected: string, since_ms: number) => {
  const found = await until(`${alert_code} ${Object.values(about)}: ${expected}`, async () => {
    const alert = (await recorded<Alert>("ops_alerts")).findLast(
      (each) => each.alert_code === alert_code && each.tx_hash === about.tx_hash && each.pair === about.pair,
    )
    return alert?.status === expected && Date.parse(alert.last_evaluated_at) > since_ms - gained_ms
      ? alert
      : null
  })
  expectTrue(found.last_evaluated_at, since_ms)
  if (expected !== "raised") return
  expect(Date.parse(found.raised_at)).toBeGreaterThanOrEqual(Date.parse(found.details.deadline))
  expectTrue(found.raised_at, since_ms + window_ms - heartbeat_ms)
}

interface Deposit {
  readonly address: string
  readonly tx_hash: string
  readonly sent_ms: number
}

const observed = (tx_hash: string, status: string): Promise<true> =>
  until(`${tx_hash} to be ${status}`, async () => {
    const all = await recorded<Observation>("funding_observations")
    return all.findLast((each) => each.tx_hash === tx_hash)?.status === status ? true : null
  })

const deposit = async (): Promise<Deposit> => {
  const address = await bridgeWallet<string>("getnewaddress", "", "bech32")
  await parts.bridge.control.issueHandle({ account_id, chain: "btc:mainnet", address })
  const sent_ms = Date.now()
  const tx_hash = await miner<string>("sendtoaddress", address, "0.01")
  await observed(tx_hash, "seen")
  return { address, tx_hash, sent_ms }
}

/** A deposit that is in nobody's block yet is told of when it is time, mined, credited, and told of no more. */
const goOn = async ({ address, tx_hash, sent_ms }: Deposit): Promise<void> => {
  await transition("funding_seen_unconfirmed", { tx_hash }, "raised", sent_ms)
  const mined_ms = Date.now()
  await miner("generatetoaddress", 2, await miner<string>("getnewaddress"))
  await observed(tx_hash, "confirmed")
  await transition("funding_seen_unconfirmed", { tx_hash }, "cleared", mined_ms)
  const { deposit_id } = await parts.bridge.control.addDeposit({
    ...{ account_id, chain: "btc:mainnet", address, tx_hash, amount: amount(1_000_000n) },
  })
  await parts.bridge.control.credit({ deposit_id })
  await observed(tx_hash, "credited")
}

/** The ticker fails while the clock is moved: the price is stale when it is time, and no more as soon as it is there again. */
const staleOver = async (moved: () => Promise<void>): Promise<void> => {
  const silent_ms = Date.now()
  await parts.ticker.control.setFault({ kind: "service_error" })
  await moved()
  await transition("reference_price_stale", { pair: deskPair }, "raised", silent_ms)
  const back_ms = Date.now()
  await parts.ticker.control.clearFault()
  await transition("reference_price_stale", { pair: deskPair }, "cleared", back_ms)
}

it("row 15, once, roots, fold, order: with the clock of every service moved an hour ahead, back and right again, nothing is lost, doubled or raised before its time, and each shows the skew", {
  timeout,
}, async () => {
  for (const service of services) expect(await skewOf(service)).toBe(0)
  await flows("50000", 10n)
  const tx_hashes: string[] = []
  for (const [nth, seconds] of [hour_s, -hour_s, 0].entries()) {
    // What is under way is met by the leap: a deadline that is not reached, a price that is not told.
    const underWay = await deposit()
    tx_hashes.push(underWay.tx_hash)
    await staleOver(() => move(seconds))
    await Promise.all([goOn(underWay), flows(String(50_001 + nth), BigInt(11 + nth))])
  }
  const last = await deposit()
  tx_hashes.push(last.tx_hash)
  await goOn(last)

  const observations = await recorded<Observation>("funding_observations")
  const alerts = await recorded<Alert>("ops_alerts")
  for (const tx_hash of tx_hashes) {
    const own = observations.filter((each) => each.tx_hash === tx_hash)
    expect(own.map(({ revision }) => revision)).toEqual(own.map((_, place) => place + 1))
    expect(own.filter(({ status }, place) => status !== own[place - 1]?.status)).toMatchObject(
      own[1]?.status === "confirming"
        ? [{ status: "seen" }, { status: "confirming" }, { status: "confirmed" }, { status: "credited" }]
        : [{ status: "seen" }, { status: "confirmed" }, { status: "credited" }],
    )
    expect(
      alerts
        .filter((each) => each.alert_code === "funding_seen_unconfirmed" && each.tx_hash === tx_hash)
        .map(({ status, episode }) => `${status} ${episode}`),
    ).toEqual(["raised 1", "cleared 1"])
  }
  // Whoever publishes stamped everything with a true time, and told what is unchanged no sooner than it should.
  const prices = await recorded<Price>("market_prices")
  const inventories = await recorded<Inventory>("intent_inventories")
  const stamps = [
    ...prices.map(({ observed_at }) => observed_at),
    ...inventories.map(({ observed_at }) => observed_at),
    ...observations.flatMap(({ first_seen_at, last_seen_at }) => [first_seen_at, last_seen_at]),
    ...alerts.map(({ last_evaluated_at }) => last_evaluated_at),
  ]
  for (const at of stamps) expectTrue(at, began_ms)
  const told = [
    prices.map(({ observed_at, price }) => ({ observed_at, says: price })),
    inventories.map((inventory) => ({
      observed_at: inventory.observed_at,
      says: JSON.stringify(inventory.balances),
    })),
  ]
  for (const sequence of told)
    for (const [place, { observed_at, says }] of sequence.entries()) {
      const before = sequence[place - 1]
      if (before?.says !== says) continue
      expect(Date.parse(observed_at) - Date.parse(before.observed_at)).toBeGreaterThanOrEqual(heartbeat_ms)
    }
  // The writer tells by the machine's clock when it wrote. That goes back within a partition only if it was an hour ahead.
  for (const table of ["market_prices", "intent_inventories", "funding_observations", "ops_alerts"]) {
    const [back] = await sql<{ rows: number }[]>`
      select count(*)::int as rows from (select lag(ingested_at) over (
        partition by topic_partition order by kafka_offset) - ingested_at as by from ${sql(table)}) as placed
      where by > interval '0' and by < interval '1 minute'`
    expect(back?.rows, table).toBe(0)
  }
  for (const { name, log } of services)
    expect((await readFile(log, "utf8")).match(/this machine's clock was moved/g), name).toHaveLength(3)

  const kafka = { brokers: parts.brokers, clientId: "verify" }
  const admin = openAdmin(kafka)
  const database = openDatabase(parts.databaseUrl, { applicationName: "verify" })
  ends.push(() => database.close().then(admin.close))
  const { differences } = await verifyRecord(database, {
    kafka: { kafka, admin },
    further: [verifyAlerts(new AbortController().signal)],
  })
  expect(differences).toEqual([])
  for (const { process } of services) await process.stop()
  expect(await Promise.all(services.map(({ process }) => process.exited))).toEqual(
    services.map(() => ({ code: 0, signal: null })),
  )
  await checkInvariants({ brokers: parts.brokers, sql })
})
