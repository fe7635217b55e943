import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createCheckpoint, lockCheckpoints } from "@landfall/adapters/history/checkpoint"
import { ingest, openSession } from "@landfall/adapters/history/ingest"
import { messageReader } from "@landfall/adapters/history/read-message"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { runProgram } from "../src/program.ts"
import { commands } from "../src/registry.ts"

const start_ms = Date.UTC(2026, 5, 1)
const at = (hour: number) => timestamp(start_ms + hour * 3_600_000)

/** A price of an hour, recorded half an hour later. */
const price = (hour: number, pair: string): MarketPrice => ({
  price_event_id: priceEventId(pair, "kraken", at(hour)),
  pair,
  price: `${hour}.5`,
  source: "kraken",
  observed_at: at(hour),
})

let [server, dir, url] = [null as Postgres | null, "", ""]
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-rows-"))
  server = await startPostgres({ dir, settings: { fsync: "off" } })
  url = await server.createDatabase("desk")
  const database = openDatabase(url, { applicationName: "test" })
  await migrate(database)
  const [read, encode] = [messageReader(marketPriceTopic), recordEncoder(marketPriceTopic)]
  const topicId = Buffer.alloc(16, 7)
  const place = { topic: marketPriceTopic.name, partition: 0 }
  for (const [offset, one] of [price(1, "BTC/EURe"), price(2, "EURe/BTC"), price(3, "BTC/EURe")].entries())
    await database.transaction(async (transaction) => {
      const ingested_ms = Date.parse(one.observed_at) + 1_800_000
      await createCheckpoint(transaction, { ...place, topicId, firstOffset: 0 }, ingested_ms)
      const checkpoints = await lockCheckpoints(transaction, [place])
      const message = { ...place, offset, leaderEpoch: 0, timestamp: ingested_ms, key: Buffer.from(one.pair) }
      const batch = [read({ ...message, value: Buffer.from(encode(one)) }, topicId)]
      await ingest(transaction, openSession(checkpoints.values(), [marketPriceTopic], 1), batch, ingested_ms)
    })
  await database.close()
}, 60_000)
afterAll(async () => {
  await server?.kill()
  await rm(dir, { recursive: true, force: true })
})

const landfall = async (...argv: ReadonlyArray<string>) => {
  const printed = { stdout: "", stderr: "" }
  const keep = (stream: "stdout" | "stderr") =>
    vi.spyOn(process[stream], "write").mockImplementation((chunk) => {
      printed[stream] += String(chunk)
      return true
    })
  const spies = [keep("stdout"), keep("stderr")]
  try {
    const code = await runProgram(commands, argv, {
      env: { DATABASE_URL: url },
      signal: new AbortController().signal,
    })
    return { code, ...printed }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

describe("rows", () => {
  it("shows the rows of a projection whole, by pages, with the event that changed each last", async () => {
    const first = JSON.parse((await landfall("rows", "prices", "--limit", "1", "--json")).stdout)
    expect(first).toMatchObject({
      as_of_basis: "ingest",
      position: { "ref.market_price": { "0": 3 } },
      items: [{ pair: "BTC/EURe", price: "3.5", topic_partition: 0, kafka_offset: 2 }],
      next_after: "BTC/EURe",
    })
    const second = await landfall("rows", "prices", "--after", first.next_after)
    expect(second.stdout).toContain("EURe/BTC  ref.market_price/0@1\n")
    expect(second.stdout).toContain("  price           2.5\n")
    expect(second.stdout).not.toContain("3.5")
  })

  it("shows what was known, and what had happened, at an instant, of all or of one key", async () => {
    const known = async (...more: ReadonlyArray<string>) =>
      JSON.parse((await landfall("rows", "prices", "--json", ...more)).stdout)
    // Half past two the second price is recorded that very instant, by the millisecond.
    expect((await known("--as-of", "2026-06-01T02:29:59.999Z")).items).toHaveLength(1)
    const then = await known("BTC/EURe", "--as-of", "2026-06-01T03:29:59.999Z")
    expect(then).toMatchObject({ position: { "ref.market_price": { "0": 2 } }, items: [{ price: "1.5" }] })
    const happened = ["--as-of", "2026-06-01T03:00:00Z", "--as-of-basis", "event"]
    expect(await known("BTC/EURe", ...happened)).toMatchObject({
      as_of_basis: "event",
      items: [{ price: "3.5" }],
    })
    const none = await landfall("rows", "prices", "BTC/EURe", "--as-of", "2026-06-01T01:00:00Z")
    expect(none).toMatchObject({ code: 1, stdout: "" })
    expect(none.stderr).toContain("prices has no row BTC/EURe as of 2026-06-01T01:00:00.000Z")
  })

  it.each([["nothing"], ["prices", "--as-of", "noon"], ["prices", "--as-of-basis", "rumour"]])(
    "refuses %s with 2",
    async (...argv) => {
      expect(await landfall("rows", ...argv)).toMatchObject({ code: 2, stdout: "" })
    },
  )
})
