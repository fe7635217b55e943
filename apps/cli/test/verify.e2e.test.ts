import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
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
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Ran, runCli } from "./run-cli.ts"

const topic = marketPriceTopic
const start_ms = Date.UTC(2026, 10, 23, 9)
const topicId = Buffer.alloc(16, 7)

let dir = ""
let server: Postgres
let url = ""
let database: Database

const landfall = (...args: ReadonlyArray<string>): Promise<Ran> => runCli(args, { DATABASE_URL: url })
const file = (name: string): string => join(dir, name)

const price = (second: number): MarketPrice => {
  const observed_at = timestamp(start_ms + second * 1000)
  const price_event_id = priceEventId("BTC/EURe", "kraken", observed_at)
  return { price_event_id, pair: "BTC/EURe", price: String(60_000 + second), source: "kraken", observed_at }
}

/** Writes prices as the history writer does, one an offset. */
const record = (from: number, to: number): Promise<void> =>
  database.transaction(async (transaction) => {
    await claimSnapshotVersions(transaction, projections)
    const at = { topic: topic.name, partition: 0 }
    await createCheckpoint(transaction, { ...at, topicId, firstOffset: from }, start_ms)
    const session = openSession((await lockCheckpoints(transaction, [at])).values(), [topic], 10)
    const read = messageReader(topic)
    const batch = Array.from({ length: to - from }, (_, place) =>
      read(
        {
          ...{ topic: topic.name, partition: 0, offset: from + place, leaderEpoch: 0, timestamp: start_ms },
          ...{ key: Buffer.from("BTC/EURe"), value: Buffer.from(recordEncoder(topic)(price(from + place))) },
        },
        topicId,
      ),
    )
    await ingest(transaction, session, batch, start_ms)
  })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "landfall-cli-verify-"))
  server = await startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } })
  url = await server.createDatabase("desk")
  database = openDatabase(url, { applicationName: "seed" })
  await migrate(database)
  await record(0, 7)
}, 120_000)

afterAll(async () => {
  await database.close()
  await server.kill()
  await rm(dir, { recursive: true, force: true })
})

// One story, from the key to the tampering: each step stands on those before it.
describe("landfall verify", () => {
  it("makes a key that only its owner can read, prints the public one, and never overwrites", async () => {
    const made = await landfall("verify", "new-key", "desk.example/landfall", file("key"))
    expect(made).toMatchObject({ code: 0, stderr: "" })
    expect(made.stdout).toMatch(/^desk\.example\/landfall\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}\n$/)
    await writeFile(file("pub"), made.stdout)
    expect((await stat(file("key"))).mode & 0o777).toBe(0o600)
    const before = await readFile(file("key"), "utf8")
    const again = await landfall("verify", "new-key", "desk.example/landfall", file("key"))
    expect(again).toMatchObject({ code: 1, stdout: "" })
    expect(again.stderr).toContain("was left as it is")
    expect(await readFile(file("key"), "utf8")).toBe(before)
    expect((await landfall("verify", "new-key", "a name", file("other"))).code).toBe(1)
  })

  it("says that the record is intact, with every root and state, and nothing else on stdout under --json", async () => {
    const ran = await landfall("verify", "--json")
    expect(ran.code).toBe(0)
    expect(ran.stderr).toContain("not held against the topics")
    expect(JSON.parse(ran.stdout)).toMatchObject({
      ...{ intact: true, evidence: 7, rows: 1, difference_count: 0, differences: [], gap_count: 0 },
      logs: [
        { log: "ref.market_price/0", size: 7, next: 7, compared_with_kafka: null },
        { log: "dead_letter_acts" },
      ],
      attested: null,
      against: null,
    })
    const people = await landfall("verify")
    expect(people.stdout).toMatch(/ref\.market_price\/0 +7/)
    expect(people.stdout).toMatch(/intact: 7 events, 1 rows/)
  })

  it("attests, and holds what grew against it", async () => {
    const ran = await landfall("verify", "--attest", file("log"), "--key", file("key"), "--json")
    expect(ran.code, ran.stderr).toBe(0)
    expect(JSON.parse(ran.stdout)).toMatchObject({ intact: true, attested: { file: file("log") } })
    await record(7, 12)
    const grown = await landfall("verify", "--against", file("log"), "--public-key", file("pub"), "--json")
    expect(grown.code, grown.stdout).toBe(0)
    expect(JSON.parse(grown.stdout)).toMatchObject({ evidence: 12, against: { attestations: 1 } })
    await chmod(file("key"), 0o644)
    const warned = await landfall("verify", "--attest", file("log"), "--key", file("key"))
    expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining("chmod 600") })
    expect(warned.stdout).toMatch(/attested at 2/)
  })

  it.each([
    ["--attest", ["verify", "--attest", "log"], 2, "go together"],
    ["--against alone", ["verify", "--against", "log"], 2, "go together"],
    [
      "both",
      ["verify", "--attest", "log", "--key", "key", "--against", "log", "--public-key", "pub"],
      2,
      "leave out",
    ],
    ["no key file", ["verify", "--attest", "log", "--key", "pub"], 1, "this is no key file"],
    ["a key that is not there", ["verify", "--attest", "log", "--key", "none"], 1, "none"],
    [
      "a secret for the public key",
      ["verify", "--against", "log", "--public-key", "key"],
      1,
      "this is the secret key",
    ],
    [
      "a file that holds no attestations",
      ["verify", "--against", "pub", "--public-key", "pub"],
      1,
      "this is no attestation",
    ],
    [
      "a file that is not there",
      ["verify", "--against", "none", "--public-key", "pub"],
      1,
      "holds no whole attestation",
    ],
    [
      "a proof that is not there",
      ["verify", "proof", "none", "--public-key", "pub"],
      1,
      "none cannot be read",
    ],
  ] as const)("refuses %s", async (_, args, code, reason) => {
    const names = new Set(["log", "key", "pub", "none"])
    const ran = await landfall(
      ...args.map((word, place) => (place > 0 && names.has(word) ? file(word) : word)),
    )
    expect(ran).toMatchObject({ code, stdout: "" })
    expect(ran.stderr).toContain(reason)
    expect(ran.stderr).not.toContain("PRIVATE+KEY+desk")
  })

  it("finds what was tampered with, names it, and signs nothing", async () => {
    const before = await readFile(file("log"))
    await database.transaction((transaction) =>
      transaction.script(
        `alter table market_prices disable trigger append_only;
         update market_prices set payload = replace(payload, '60003', '99999') where kafka_offset = 3;
         alter table market_prices enable always trigger append_only`,
      ),
    )
    const ran = await landfall("verify", "--attest", file("log"), "--key", file("key"))
    expect(ran.code).toBe(3)
    expect(ran.stdout).toContain("ref.market_price/0/3: the row does not fit its leaf hash: it was changed")
    expect(ran.stdout).toContain("nothing was attested")
    expect(await readFile(file("log"))).toEqual(before)
    const json = await landfall("verify", "--against", file("log"), "--public-key", file("pub"), "--json")
    expect(json.code).toBe(3)
    expect(JSON.parse(json.stdout).differences).toContainEqual(
      expect.objectContaining({ subject: "attestation", place: "ref.market_price/0" }),
    )
  })
})
