import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createCheckpoint, lockCheckpoints } from "@landfall/adapters/history/checkpoint"
import { ingest, openSession } from "@landfall/adapters/history/ingest"
import { messageReader } from "@landfall/adapters/history/read-message"
import { claimSnapshotVersions } from "@landfall/adapters/history/snapshot-versions"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { projections } from "@landfall/projections/registry"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Ran, runCli } from "./run-cli.ts"

const topic = marketPriceTopic
const start_ms = Date.UTC(2026, 10, 23, 9)
const pairs = ["BTC/EURe", "ETH/EURe", "GNO/EURe"]

let dir = ""
let server: Postgres
let url = ""
let superuser: Database

const price = (nth: number): MarketPrice => {
  const pair = pairs[nth % pairs.length] ?? ""
  const observed_at = timestamp(start_ms + nth * 1000)
  const price_event_id = priceEventId(pair, "kraken", observed_at)
  return { price_event_id, pair, price: String(60_000 + nth), source: "kraken", observed_at }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-cli-rebuild-"))
  server = await startPostgres({ dir, settings: { fsync: "off" } })
  url = await server.createDatabase("rebuild")
  superuser = openDatabase(url, { applicationName: "seed" })
  await migrate(superuser)
  await superuser.transaction(async (transaction) => {
    await claimSnapshotVersions(transaction, projections)
    const at = { topic: topic.name, partition: 0 }
    const topicId = Buffer.alloc(16, 7)
    await createCheckpoint(transaction, { ...at, topicId, firstOffset: 0 }, start_ms)
    const session = openSession((await lockCheckpoints(transaction, [at])).values(), [topic], 10)
    const read = messageReader(topic)
    const encode = recordEncoder(topic)
    const batch = Array.from({ length: 30 }, (_, offset) => {
      const place = { topic: topic.name, partition: 0, offset, leaderEpoch: 0, timestamp: start_ms }
      const record = price(offset)
      return read({ ...place, key: Buffer.from(record.pair), value: Buffer.from(encode(record)) }, topicId)
    })
    await ingest(transaction, session, batch, start_ms)
  })
}, 120_000)

afterAll(async () => {
  await superuser.close()
  await server.kill()
  await rm(dir, { recursive: true, force: true })
})

const landfall = (...args: ReadonlyArray<string>): Promise<Ran> => runCli(args, { DATABASE_URL: url })
const rebuild = (...args: ReadonlyArray<string>): Promise<Ran> => landfall("rebuild", "market_price", ...args)
const json = async (...args: ReadonlyArray<string>) => {
  const ran = await rebuild(...args, "--json")
  return { ...ran, result: JSON.parse(ran.stdout) as Record<string, unknown> }
}
const sql = (text: string) => superuser.transaction((transaction) => transaction.script(text))

it.each([
  [["rebuild", "prices"], /projection "prices".*expected .*market_price/s],
  [["rebuild", "market_price", "--to-version", "7"], /this program folds version 1 of market_price/],
  [["rebuild", "market_price", "--rollback", "--promote"], /--rollback stands alone/],
  [["rebuild", "market_price"], /nobody can be asked: add --yes/],
])("%j is a command line that is not understood", async (args, message) => {
  const { code, stdout, stderr } = await landfall(...args)
  expect(stderr).toMatch(message)
  expect([code, stdout]).toEqual([2, ""])
})

it("a dry run says what would be done, and does nothing", async () => {
  const { code, stderr, result } = await json("--promote", "--dry-run")
  expect([code, result]).toEqual([
    0,
    {
      ...{ done: false, projection: "market_price", events: 30, live_version: 1 },
      ...{ frozen_at: null, begun: null, previous: null },
    },
  ])
  expect(stderr).toMatch(
    /30 events are folded from the evidence into a table beside the live one, which then/,
  )
})

it("without Kafka there are no topics to rebuild from", async () => {
  const { code, stderr } = await rebuild("--from", "topics", "--yes")
  expect([code, stderr]).toEqual([1, expect.stringMatching(/KAFKA_BROKERS is not set/)])
})

it("a difference is told field by field, with exit code 3; promoted it is gone; rolled back, too", async () => {
  await sql("update market_price_snapshot set price = 1 where pair = 'ETH/EURe'")
  const found = await rebuild("--yes")
  expect(found.code).toBe(3)
  expect(found.stdout).toMatch(/differs: 1 rows changed, 0 missing, 0 too many; 2 are the same/)
  expect(found.stdout).toMatch(/^ETH\/EURe +changed +price +"1" +"60028"$/m)
  const again = await json("--yes")
  expect([again.code, again.result]).toMatchObject([
    3,
    {
      ...{ done: true, resumed: true, events: 30, rows: 3, promoted: false },
      position: { "ref.market_price": { "0": 30 } },
      difference: {
        ...{ same: 2, changed: 1, missing: 0, surplus: 0, changed_fields: { price: 1 } },
        first: [{ key: "ETH/EURe", kind: "changed", fields: { price: { live: "1", rebuilt: "60028" } } }],
      },
    },
  ])
  expect((await rebuild("--promote", "--yes")).code).toBe(0)
  const back = await landfall("rebuild", "--rollback", "market_price", "--yes")
  expect([back.code, back.stdout]).toEqual([
    0,
    expect.stringMatching(/live now; the table of before is kept/),
  ])
})

it("there is nothing to go back to for a projection that was never promoted", async () => {
  const { code, stderr } = await landfall("rebuild", "--rollback", "alert", "--yes")
  expect([code, stderr]).toEqual([1, expect.stringMatching(/no previous table of alert to go back to/)])
})

it("Ctrl-C keeps what was folded; a second process is locked out meanwhile", async () => {
  const [locked, release] = [0, 1].map(() => Promise.withResolvers<void>())
  const blocker = superuser.transaction(async (transaction) => {
    await transaction.script("lock table market_prices in access exclusive mode")
    locked?.resolve()
    await release?.promise
  })
  await locked?.promise
  const main = fileURLToPath(new URL("../bin/landfall.mjs", import.meta.url))
  const args = [main, "rebuild", "market_price", "--fresh", "--promote", "--yes"]
  const child = spawn(process.execPath, args, { env: { PATH: process.env["PATH"], DATABASE_URL: url } })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text
  })
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  // It has the lock as soon as its shadow is known; until then the other would be the first.
  const plain = openDatabase(url, { applicationName: "looking" })
  const begun = (): Promise<boolean> =>
    plain.transaction(async (transaction) => {
      const [row] = await transaction.query<{ begun: boolean }>(
        "select exists (select from snapshot_copies where holder like $1) as begun",
        [`%(process ${child.pid})`],
      )
      return row?.begun === true
    })
  await expect.poll(begun, { timeout: 60_000, interval: 50 }).toBe(true)
  await plain.close()
  const second = await rebuild("--yes")
  expect([second.code, second.stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(`market_price is being rebuilt by landfall rebuild on .* \\(process ${child.pid}\\) since`),
    ),
  ])
  child.kill("SIGINT")
  release?.resolve()
  await blocker
  expect(await ended).toBe(1)
  expect(said).toMatch(/interrupted after \d+ events, which are kept: run it again/)
  expect((await json("--promote", "--yes")).result).toMatchObject({
    resumed: true,
    events: 30,
    promoted: true,
  })
}, 120_000)
