import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { timestamp } from "@landfall/domain/timestamp"
import { marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { retryLetters } from "../../src/dead-letters/retry.ts"
import { type Database, openDatabase } from "../../src/postgres/transaction.ts"
import { attestationText } from "../../src/transparency-log/attestations.ts"
import { readLeaf } from "../../src/transparency-log/leaf.ts"
import { newKey, readSigner } from "../../src/transparency-log/note-key.ts"
import { checkTlogProof } from "../../src/transparency-log/tlog-proof.ts"
import { attestRecord, verifyAgainstFile } from "../../src/verify/attest.ts"
import { type Difference, differenceLine } from "../../src/verify/findings.ts"
import { proveEvent } from "../../src/verify/prove-event.ts"
import { verifyRecord } from "../../src/verify/verify-record.ts"
import { givenPostgres, plainClient } from "../postgres/given-postgres.ts"
import {
  type Copies,
  databaseUrl,
  givenCopies,
  givenHistory,
  grow,
  makeConsistent,
  now_ms,
  tamper,
  topicId,
  write,
} from "./given-record.ts"

const postgres = givenPostgres()
let copies: Copies
let attested: { readonly name: string; readonly file: Buffer }
beforeAll(async () => {
  copies = await givenCopies(postgres)
  const name = "attested"
  const database = openDatabase(await postgres.createDatabase(name), { applicationName: name })
  await givenHistory(database)
  const file = join(await mkdtemp(join(tmpdir(), "landfall-attest-")), "attestations")
  await attestRecord(database, file, signer, now_ms)
  await grow(database)
  await attestRecord(database, file, signer, now_ms + 1_000)
  await database.close()
  attested = { name, file: await readFile(file) }
  await rm(dirname(file), { recursive: true })
})

const signer = readSigner(newKey("desk.example/landfall"))
const { verifier } = signer

const givenFile = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-attest-"))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return join(dir, "attestations")
}

/** A copy of the history with its attestations: one of it as it was, and one after it grew. */
const givenAttested = async (): Promise<{ database: Database; name: string; file: string }> => {
  const { database, name } = await copies.copy(attested.name)
  const file = await givenFile()
  await writeFile(file, attested.file)
  return { database, name, file }
}

const linesOf = ({ differences }: { readonly differences: ReadonlyArray<Difference> }): string =>
  differences.map(differenceLine).join("\n")

describe("an attestation", () => {
  it("names every log with size and root, the schema and every state, and the log that grew extends it", async () => {
    const { database, file } = await givenAttested()
    const { verification, attestations } = await verifyAgainstFile(database, file, verifier)
    expect(linesOf(verification)).toBe("")
    expect(attestations).toHaveLength(2)
    const [first, second] = attestations.map(({ statement }) => statement)
    expect(second?.logs.map(({ origin }) => origin)).toEqual(
      verification.logs.map(({ log }) => `desk.example/landfall/${log}`),
    )
    expect(second?.logs.map(({ size }) => size)).toEqual(verification.logs.map(({ size }) => size))
    expect(second?.states.map(({ hash }) => hash.toString("hex"))).toEqual(
      verification.states.map(({ hash }) => hash),
    )
    expect(first?.logs.some(({ size }, at) => size < (second?.logs[at]?.size ?? 0))).toBe(true)
  })

  it("is not given of a record that differs, and nothing is written", async () => {
    const { database, file } = await givenAttested()
    const before = await readFile(file)
    await tamper(database, "dead_letter_acts", "update market_price_snapshot set price = price + 1")
    const { attested: given, verification } = await attestRecord(database, file, signer, now_ms)
    expect(given).toBeNull()
    expect(linesOf(verification)).toMatch(/market_price/)
    expect(await readFile(file)).toEqual(before)
  })

  it("is not given of another root at the same size", async () => {
    const { database, file } = await givenAttested()
    await tamper(
      database,
      "market_prices",
      "update market_prices set kafka_timestamp_ms = kafka_timestamp_ms + 1 where kafka_offset = 2",
    )
    await makeConsistent(database, "market_prices", "ref.market_price")
    expect(linesOf(await verifyRecord(database))).toBe("")
    const before = await readFile(file)
    const { attested: given, verification } = await attestRecord(database, file, signer, now_ms)
    expect(given).toBeNull()
    expect(linesOf(verification)).toMatch(
      /ref\.market_price\/0: at size \d+ the root .* was attested at 2026-11-23T00:00:00.000Z, and the rows make/,
    )
    expect(await readFile(file)).toEqual(before)
  })

  it("is not given of a smaller log: an old backup that was restored is found", async () => {
    const { file } = await givenAttested()
    const { database } = await copies.copy()
    expect(linesOf(await verifyRecord(database))).toBe("")
    expect((await attestRecord(database, file, signer, now_ms)).attested).toBeNull()
    const { verification } = await verifyAgainstFile(database, file, verifier)
    expect(linesOf(verification)).toMatch(
      /leaves were attested at 2026-11-23T00:00:01.000Z, and the log has \d+: rows were removed, or an old backup was restored/,
    )
  })

  it("waits for no other: a second attestation at the same time is refused", async () => {
    const { database, name, file } = await givenAttested()
    const holder = plainClient(databaseUrl(postgres, name))
    await holder`select pg_advisory_lock(7203114018)`
    await expect(attestRecord(database, file, signer, now_ms)).rejects.toThrow("under way")
  })
})

/** Another price of the last pair, at the end of its log. */
const nextPrice = async (database: Database) => {
  const [last] = await database.transaction((transaction) =>
    transaction.query<{ payload: string; next_offset: string }>(
      `select payload, next_offset from market_prices as one join checkpoints on topic = '${marketPriceTopic.name}'
       order by one.kafka_offset desc limit 1`,
    ),
  )
  const offset = Number(last?.next_offset)
  const record = JSON.parse(last?.payload ?? "")
  const observed_at = timestamp(Date.UTC(2040, 0, 1))
  const later = {
    ...record,
    observed_at,
    price_event_id: priceEventId(record.pair, record.source, observed_at),
  }
  const value = Buffer.from(JSON.stringify({ ...later, price: "123.5" }))
  const at = { topic: marketPriceTopic.name, partition: 0, offset }
  return { ...at, leaderEpoch: 0, timestamp: now_ms, key: Buffer.from(record.pair), value }
}

describe("the states that were attested", () => {
  it("are made again as they were then: a letter that was retried since does not count", async () => {
    const { database, file } = await givenAttested()
    const letter = await nextPrice(database)
    await write(database, marketPriceTopic, [letter], topicId, new Set([letter.offset]))
    expect((await attestRecord(database, file, signer, now_ms)).attested).not.toBeNull()
    await retryLetters(database, [letter], { actor: { by: "ada", why: "it can be read now" } })
    const { verification, attestations } = await verifyAgainstFile(database, file, verifier)
    expect(linesOf(verification)).toBe("")
    const stateOf = (projection: string) =>
      attestations
        .at(-1)
        ?.statement.states.find((one) => one.projection === projection)
        ?.hash.toString("hex")
    const now = verification.states.find(({ projection }) => projection === "market_price")
    expect(now?.hash).not.toBe(stateOf("market_price"))
  })

  it("must be what the evidence of then gives, and of another version they are left alone", async () => {
    const { database, file } = await givenAttested()
    const { attestations } = await verifyAgainstFile(database, file, verifier)
    const [first] = attestations
    if (first === undefined) throw new Error("nothing was attested")
    const states = first.statement.states.map((state) =>
      state.projection === "market_price"
        ? { ...state, hash: Buffer.alloc(32) }
        : state.projection === "alert"
          ? { ...state, version: 99 }
          : state,
    )
    await writeFile(file, attestationText({ ...first.statement, states }, signer))
    const { verification } = await verifyAgainstFile(database, file, verifier)
    expect(linesOf(verification)).toMatch(
      /^market_price: the state of market_price attested at .* had \d+ rows and hash 0{64}; the evidence of then makes \d+ rows with hash [0-9a-f]{64}$/,
    )
    expect(verification.notes.join()).toContain("the state of alert attested at")
  })
})

describe("a log that was rewritten as a whole", () => {
  it.each([
    [
      "a changed row",
      "update market_prices set kafka_timestamp_ms = kafka_timestamp_ms + 1 where kafka_offset = 2",
      /ref\.market_price\/0: at size \d+ the root/,
    ],
    [
      "a row that a later one hides, taken out",
      "delete from market_prices where kafka_offset = 0",
      /ref\.market_price\/0: .*(the root|leaves were attested)/,
    ],
  ])("passes by itself, and is found against the attestations: %s", async (_, change, shown) => {
    const { database, file } = await givenAttested()
    await tamper(database, "market_prices", change)
    await makeConsistent(database, "market_prices", "ref.market_price")
    expect(linesOf(await verifyRecord(database))).not.toMatch(/leaf|log of|root/)
    const { verification } = await verifyAgainstFile(database, file, verifier)
    expect(linesOf(verification)).toMatch(shown)
  })

  it("is found when its checkpoint is gone, and when an act is taken back", async () => {
    const { database, file } = await givenAttested()
    await tamper(
      database,
      "dead_letter_acts",
      "delete from dead_letter_acts; delete from checkpoints where topic = 'exec.trade_result'",
    )
    const { verification } = await verifyAgainstFile(database, file, verifier)
    expect(linesOf(verification)).toMatch(
      /exec\.trade_result\/0: \d+ leaves were attested at .*, and there is no such log/,
    )
    expect(linesOf(verification)).toMatch(/dead_letter_acts: 2 leaves were attested at .*, and the log has 0/)
  })
})

describe("the file", () => {
  it("that ends in the middle of an attestation is told, and nothing is appended to it", async () => {
    const { database, file } = await givenAttested()
    const whole = await readFile(file)
    await truncate(file, whole.length - 30)
    await expect(attestRecord(database, file, signer, now_ms)).rejects.toThrow(
      /ends in the middle .*truncate -s \d+/,
    )
    const { verification } = await verifyAgainstFile(database, file, verifier)
    expect(verification.differences).toEqual([])
    expect(verification.notes.join()).toContain("ends in the middle of an attestation")
    expect((await readFile(file)).length).toBe(whole.length - 30)
    const [, at] =
      /truncate -s (\d+)/.exec(String(await attestRecord(database, file, signer, now_ms).catch(String))) ?? []
    await truncate(file, Number(at))
    expect((await attestRecord(database, file, signer, now_ms)).attested).not.toBeNull()
    expect((await verifyAgainstFile(database, file, verifier)).attestations).toHaveLength(2)
  })

  it("that is of another key, changed, or none of ours is refused", async () => {
    const { database, file } = await givenAttested()
    const another = readSigner(newKey("desk.example/landfall"))
    await expect(attestRecord(database, file, another, now_ms)).rejects.toThrow("not signed by")
    await expect(verifyAgainstFile(database, file, another.verifier)).rejects.toThrow(
      /line 1: the note is not signed by/,
    )
    await appendFile(file, "\nhello\n")
    await expect(attestRecord(database, file, signer, now_ms)).rejects.toThrow("this is no attestation")
    await writeFile(file, "# notes\n")
    await expect(verifyAgainstFile(database, file, verifier)).rejects.toThrow("this is no attestation")
    await expect(verifyAgainstFile(database, `${file}.none`, verifier)).rejects.toThrow(
      "holds no whole attestation",
    )
  })
})

describe("the proof of an event", () => {
  it("shows its message to whoever has the public key, for every event that was attested", async () => {
    const { database, file } = await givenAttested()
    const events = await database.transaction((transaction) =>
      transaction.query<{ event_id: string; kafka_offset: string; payload: string }>(
        "select event_id::text, kafka_offset, payload from market_prices order by kafka_offset",
      ),
    )
    for (const [index, { event_id, kafka_offset, payload }] of events.entries()) {
      const proved = checkTlogProof(await proveEvent(database, event_id, file, verifier), verifier)
      expect(proved).toMatchObject({ index, head: { origin: "desk.example/landfall/ref.market_price/0" } })
      const message = readLeaf(proved.message)
      expect(message).toMatchObject({ offset: Number(kafka_offset), topicId })
      expect(message?.value?.toString()).toBe(payload)
    }
  })

  it("is not made of what there is not, was not attested yet, or is no longer what was attested", async () => {
    const { database, file } = await givenAttested()
    const none = "00000000-0000-4000-8000-000000000000"
    await expect(proveEvent(database, none, file, verifier)).rejects.toThrow(`there is no event ${none}`)
    const [last] = await database.transaction((transaction) =>
      transaction.query<{ event_id: string }>(
        "select event_id::text from market_prices order by kafka_offset desc limit 1",
      ),
    )
    const later = await nextPrice(database)
    await write(database, marketPriceTopic, [later])
    const { price_event_id } = JSON.parse(later.value.toString())
    await expect(proveEvent(database, price_event_id, file, verifier)).rejects.toThrow(
      "no attestation reaches that far",
    )
    const empty = await givenFile()
    await expect(proveEvent(database, last?.event_id ?? "", empty, verifier)).rejects.toThrow(
      "no attestation reaches that far",
    )
    await tamper(
      database,
      "market_prices",
      "update market_prices set leaf_hash = sha256('x') where kafka_offset = 1",
    )
    await expect(proveEvent(database, last?.event_id ?? "", file, verifier)).rejects.toThrow(
      "not the one that was attested",
    )
  })
})
