import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { retryLetters } from "../../src/dead-letters/retry.ts"
import { requireAttested } from "../../src/history/require-attested.ts"
import { LogBroken } from "../../src/history/resume.ts"
import { createLog } from "../../src/log/log.ts"
import type { Database } from "../../src/postgres/transaction.ts"
import { newKey, readSigner, type Signer } from "../../src/transparency-log/note-key.ts"
import { attestRecord } from "../../src/verify/attest.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"
import {
  type Copies,
  givenCopies,
  grow,
  makeConsistent,
  marked,
  now_ms,
  tamper,
} from "../verify/given-record.ts"

const postgres = givenPostgres()
let copies: Copies
beforeAll(async () => {
  copies = await givenCopies(postgres)
})

const signer = readSigner(newKey("desk.example/landfall"))
const log = createLog({ name: "test", level: "silent" })

const givenFile = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-attested-"))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return join(dir, "attestations")
}

/** The history as a backup has it. */
const backup = async (): Promise<Database> => (await copies.copy()).database

const attest = async (database: Database, file: string, by: Signer = signer): Promise<void> => {
  const { attested } = await attestRecord(database, file, by, now_ms)
  expect(attested).not.toBeNull()
}

const hold = (database: Database, file: string): Promise<void> =>
  requireAttested(database, { file, verifier: signer.verifier }, log)

const refusal = (database: Database, file: string): Promise<unknown> =>
  hold(database, file).then(
    () => null,
    (error: unknown) => error,
  )

describe("a record that is held against what was attested of it", () => {
  it("passes as it was attested, and when it has grown since, however often", async () => {
    const [database, file] = [await backup(), await givenFile()]
    await attest(database, file)
    await hold(database, file)
    await grow(database)
    await hold(database, file)
    for (let times = 0; times < 3; times++) await attest(database, file)
    await hold(database, file)
    const letter = { topic: marked.topic, partition: 0, offset: marked.deadLetter }
    await retryLetters(database, [letter], { actor: { by: "ada", why: "once more" } })
    await hold(database, file)
  })

  it("passes however few leaves are read at once", async () => {
    const [database, file] = [await backup(), await givenFile()]
    await attest(database, file)
    await grow(database)
    for (const pageLeaves of [1, 2, 3, 7])
      await requireAttested(database, { file, verifier: signer.verifier }, log, pageLeaves)
  })

  it("is refused when an old backup of it was restored: each log that is shorter is named, with both sizes and roots", async () => {
    const [database, file] = [await backup(), await givenFile()]
    await grow(database)
    await attest(database, file)
    await hold(database, file)
    const error = await refusal(await backup(), file)
    expect(error).toBeInstanceOf(LogBroken)
    const message = String(error)
    expect(message).toMatch(
      /ops\.alert\/0: (\d+) leaves with root [\w+/]{43}= up to position \d+ were attested at 2026-11-23T00:00:00\.000Z, and the record has \d+ with root [\w+/]{43}= up to position \d+/,
    )
    expect(message).toMatch(/ref\.market_price\/0: /)
    expect(message).toMatch(/docs\/runbook\/old-backup\.md; nothing was decided and nothing was published$/)
  })

  it("is refused when it was written on from an old backup, although it is longer than attested", async () => {
    const [database, file] = [await backup(), await givenFile()]
    await attest(database, file)
    // What was attested of one past, in the place of what came after the backup.
    await tamper(
      database,
      "market_prices",
      "update market_prices set kafka_timestamp_ms = kafka_timestamp_ms + 1 where kafka_offset = 0",
    )
    await makeConsistent(database, "market_prices", "ref.market_price")
    await grow(database)
    expect(String(await refusal(database, file))).toMatch(
      /of it: ref\.market_price\/0: (\d+) leaves with root \S+ up to position \d+ were attested at \S+, and the first \1 of the \d+ in the record make root \S+: the log does not extend what was attested; was an old backup/,
    )
  })

  it("is refused when its rows do not make the log that it states", async () => {
    const [database, file] = [await backup(), await givenFile()]
    await attest(database, file)
    await grow(database)
    // The last row is another; then it is not there.
    for (const change of [
      "update market_prices set leaf_hash = sha256(leaf_hash)",
      "delete from market_prices",
    ]) {
      const last = "where kafka_offset = (select max(kafka_offset) from market_prices)"
      await tamper(database, "market_prices", `${change} ${last}`)
      expect(String(await refusal(database, file))).toMatch(
        /ref\.market_price\/0: its rows from leaf \d+ on do not make the log of \d+ leaves that it states/,
      )
    }
  })

  it("is refused when it lacks only an act about a letter, a partition, or everything", async () => {
    const [database, file] = [await backup(), await givenFile()]
    await attest(database, file)
    await tamper(database, "dead_letter_acts", "delete from dead_letter_acts where act_number = 2")
    expect(String(await refusal(database, file))).toMatch(
      /of it: dead_letter_acts: 2 leaves with root \S+ up to position 3 were attested at \S+, and the record has 1 with root/,
    )
    const lacking = await backup()
    await lacking.transaction((transaction) =>
      transaction.script(
        "alter table checkpoints disable trigger user; delete from checkpoints where topic = 'ops.alert'",
      ),
    )
    expect(String(await refusal(lacking, file))).toMatch(
      /of it: ops\.alert\/0: \d+ leaves with root \S+ up to position \d+ were attested at \S+, and the record has 0 with root \S+ up to position 0; was/,
    )
  })

  it("passes again when an operator has attested what is there to a new file, and only what is there", async () => {
    const [database, file, anew] = [await backup(), await givenFile(), await givenFile()]
    await grow(database)
    await attest(database, file)
    const restored = await backup()
    expect(await refusal(restored, file)).toBeInstanceOf(LogBroken)
    await attest(restored, anew)
    await hold(restored, anew)
    // The old file still says what it said, and the new one is no word for the next old backup.
    expect(await refusal(restored, file)).toBeInstanceOf(LogBroken)
    await grow(restored)
    await attest(restored, anew)
    expect(await refusal(await backup(), anew)).toBeInstanceOf(LogBroken)
  })
})

describe("a file of attestations that is none", () => {
  it("is refused when it is missing, empty, a folder, or somebody else's", async () => {
    const [database, file] = [await backup(), await givenFile()]
    expect(String(await refusal(database, file))).toMatch(
      /cannot be read, so nobody can tell whether an old backup was restored: \S+ does not exist, or holds no whole attestation by desk\.example\/landfall; see docs\/runbook\/old-backup\.md; nothing was decided/,
    )
    await writeFile(file, "")
    expect(String(await refusal(database, file))).toMatch("holds no whole attestation")
    await mkdir(`${file}.folder`)
    expect(await refusal(database, `${file}.folder`)).toBeInstanceOf(LogBroken)
    const theirs = await givenFile()
    await attest(database, theirs, readSigner(newKey("desk.example/landfall")))
    expect(String(await refusal(database, theirs))).toMatch(
      "the note is not signed by desk.example/landfall+",
    )
  })

  it("is refused when anything was added to it that its key did not sign; a torn end is passed over", async () => {
    const [database, file] = [await backup(), await givenFile()]
    await attest(database, file)
    await appendFile(file, "\ndesk.example/land")
    await hold(database, file)
    await appendFile(file, "slide/ops.alert/0\n5\n")
    expect(await refusal(database, file)).toBeInstanceOf(LogBroken)
  })

  it("is not asked for unless configured", async () => {
    await requireAttested(await backup(), null, log)
  })
})
