import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createCheckpoint, lockCheckpoints } from "@landfall/adapters/history/checkpoint"
import { ingest, openSession } from "@landfall/adapters/history/ingest"
import { messageReader, type ReadMessage } from "@landfall/adapters/history/read-message"
import { claimSnapshotVersions } from "@landfall/adapters/history/snapshot-versions"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { projections } from "@landfall/projections/registry"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Ran, runHere } from "./run-cli.ts"

const topic = marketPriceTopic
const start_ms = Date.UTC(2026, 10, 23, 9)

let dir = ""
let server: Postgres
let url = ""

const landfall = (...args: ReadonlyArray<string>): Promise<Ran> => runHere(args, { DATABASE_URL: url })

const json = async (...args: ReadonlyArray<string>) => {
  const ran = await landfall(...args, "--json")
  return { code: ran.code, stderr: ran.stderr, result: JSON.parse(ran.stdout) as Record<string, unknown> }
}

const price = (second: number): MarketPrice => {
  const observed_at = timestamp(start_ms + second * 1000)
  const price_event_id = priceEventId("BTC/EURe", "kraken", observed_at)
  return { price_event_id, pair: "BTC/EURe", price: String(60_000 + second), source: "kraken", observed_at }
}

/** A message of the log; `then` is why the program of then could not read it. */
const message = (offset: number, value: Buffer, then?: string): ReadMessage => {
  const headers = [{ trace: Buffer.from("01-ab\u001b[31m") }]
  const read = messageReader(topic)(
    {
      ...{ topic: topic.name, partition: 0, offset, leaderEpoch: 0, timestamp: start_ms + offset },
      ...{ key: Buffer.from("BTC/EURe"), headers, value },
    },
    Buffer.alloc(16, 7),
  )
  return then === undefined ? read : { ...read, decoded: { ok: false, reason: then } }
}

const encode = (record: MarketPrice): Buffer => Buffer.from(recordEncoder(topic)(record))

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-cli-letters-"))
  server = await startPostgres({ dir, settings: { fsync: "off" } })
  url = await server.createDatabase("letters")
  const database = openDatabase(url, { applicationName: "seed" })
  await migrate(database)
  await database.transaction(async (transaction) => {
    await claimSnapshotVersions(transaction, projections)
    const at = { topic: topic.name, partition: 0 }
    await createCheckpoint(transaction, { ...at, topicId: Buffer.alloc(16, 7), firstOffset: 0 }, start_ms)
    const session = openSession((await lockCheckpoints(transaction, [at])).values(), [topic], 10)
    const batch = [
      message(0, encode(price(0))),
      message(1, encode(price(5)), "a field that nobody knew then"),
      message(2, encode(price(1))),
      message(3, Buffer.from("<html>\u001b[2J")),
      message(4, encode({ ...price(0), price: "1" })),
      message(5, Buffer.of(0xff, 0x00, 0x41)),
    ]
    await ingest(transaction, session, batch, start_ms)
  })
  await database.close()
}, 120_000)

afterAll(async () => {
  await server.kill()
  await rm(dir, { recursive: true, force: true })
})

describe("landfall dead-letters", () => {
  it("lists letters with place, state, key and reason, page by page", async () => {
    const { code, stdout } = await landfall("dead-letters", "list", "--limit", "2")
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^LETTER +STATE +KEY +BYTES +RECORDED\nref\.market_price\/0\/5 +open +BTC\/EURe +3 /,
    )
    const first = await json("dead-letters", "list", "--limit", "3", "--topic", topic.name)
    expect(first.result).toMatchObject({
      position: { [topic.name]: { "0": 6 } },
      items: [{ kafka_offset: 5 }, { kafka_offset: 4 }, { kafka_offset: 3, state: "open" }],
    })
    const cursor = String(first.result["next_cursor"])
    const rest = await json("dead-letters", "list", "--limit", "3", "--cursor", cursor)
    expect(rest.result).toMatchObject({ items: [{ kafka_offset: 1 }], next_cursor: null })
  })

  it("shows the bytes as text and in hexadecimal, and nothing in them acts on the terminal", async () => {
    const { code, stdout } = await landfall("dead-letters", "show", `${topic.name}/0/3`)
    expect(code).toBe(0)
    expect(stdout).not.toContain("\u001b")
    expect(stdout).toContain("reason    not UTF-8 JSON")
    expect(stdout).toContain("today     it still cannot be read: not UTF-8 JSON")
    expect(stdout).toContain("header    trace: 01-ab\\u001b[31m")
    expect(stdout).toContain("\n<html>\\u001b[2J\n")
    expect(stdout).toContain("00000000  3c 68 74 6d 6c 3e 1b 5b 32 4a                    <html>.[2J\n")
    const { result } = await json("dead-letters", "show", `${topic.name}/0/5`)
    expect(result["value"]).toEqual({ text: null, base64: Buffer.of(0xff, 0x00, 0x41).toString("base64") })
    const { stdout: some } = await landfall("dead-letters", "show", `${topic.name}/0/5`, "--bytes", "1")
    expect(some).toContain(
      "00000000  ff                                               .\nand 2 bytes more: --bytes 3",
    )
  })

  it("shows in a dry run what a retry would do, and does nothing", async () => {
    const retry = ["dead-letters", "retry", "--topic", topic.name, "--why", "the field is known"]
    const { code, stdout, stderr } = await landfall(...retry, "--dry-run")
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" }) // three of four would be refused
    expect(stderr).toContain(`event    ${topic.name}/0/1: counts as the event ${price(5).price_event_id}`)
    expect(stderr).toContain(`refused  ${topic.name}/0/3: it still cannot be read: not UTF-8 JSON`)
    expect(stderr).toContain(
      `refused  ${topic.name}/0/4: price_event_id ${price(0).price_event_id} is the event at`,
    )
    expect(stderr).toContain('price: "60001" -> "60005"')
    expect(stderr).toContain("nothing was changed: this was a dry run")
    const unasked = await landfall(...retry)
    expect(unasked.code).toBe(2)
    expect(unasked.stderr).toContain("add --yes")
  })

  it("makes an event of a letter, under the name of who did it", async () => {
    const place = `${topic.name}/0/1`
    const { code, result } = await json(
      ...["dead-letters", "retry", place, "--why", "the field is known", "--by", "ada", "--yes"],
    )
    expect(code).toBe(0)
    expect(result).toMatchObject({
      done: true,
      letters: [{ place, retried: true, event_id: price(5).price_event_id }],
      rows: [{ projection: "market_price", key: "BTC/EURe", change: "changed", after: price(5) }],
    })
    const { result: shown } = await json("dead-letters", "show", place)
    expect(shown).toMatchObject({
      state: "retried",
      acts: [{ act: "retried", acted_by: "ada", reason: "the field is known", database_login: "postgres" }],
    })
    const again = await landfall("dead-letters", "retry", place, "--why", "once more", "--yes")
    expect(again.code).toBe(1)
    expect(again.stdout).toContain("it counts as an event already, since act 1")
  })

  it("dismisses letters with a reason, and then their key is degraded by them no more", async () => {
    const places = [3, 4].map((offset) => `${topic.name}/0/${offset}`)
    const ran = await landfall(
      "dead-letters",
      "dismiss",
      places.join(","),
      "--why",
      "a test message",
      "--yes",
    )
    expect(ran).toMatchObject({ code: 0, stdout: places.map((place) => `dismissed ${place}\n`).join("") })
    const { result } = await json("dead-letters", "list", "--state", "dismissed")
    expect(result["items"]).toMatchObject([
      { kafka_offset: 4, act_reason: "a test message" },
      { kafka_offset: 3, acted_by: expect.any(String) },
    ])
    const again = await landfall("dead-letters", "dismiss", `${topic.name}/0/3`, "--why", "x", "--yes")
    expect(again.code).toBe(1)
    expect(again.stderr).toMatch(/^error: ref\.market_price\/0\/3 was dismissed by .* nothing was changed$/m)
  })

  it.each([
    [
      ["dead-letters", "show", "nowhere"],
      2,
      /letter "nowhere": it is no place; expected topic\/partition\/offset/,
    ],
    [
      ["dead-letters", "show", "ref.market_price/0/77"],
      1,
      /there is no dead letter at ref\.market_price\/0\/77/,
    ],
    [["dead-letters", "retry", "--why", "x"], 2, /name the letters, or choose them with --topic/],
    [["dead-letters", "dismiss", "a/0/1", "--key", "k", "--why", "x"], 2, /--key belongs to --topic/],
    [["dead-letters", "list", "--cursor", "x"], 2, /--cursor "x": it is not a cursor of this list/],
  ])("refuses %j with code %i", async (args, code, message) => {
    const ran = await landfall(...args)
    expect(ran).toMatchObject({ code, stdout: "" })
    expect(ran.stderr).toMatch(message)
  })
})
