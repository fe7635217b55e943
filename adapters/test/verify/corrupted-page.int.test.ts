import { mkdtemp, open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { newKey, readSigner } from "../../src/transparency-log/note-key.ts"
import { attestRecord, verifyAgainstFile } from "../../src/verify/attest.ts"
import { differenceLine } from "../../src/verify/findings.ts"
import { verifyRecord } from "../../src/verify/verify-record.ts"
import { given, givenPostgres, plainClient } from "../postgres/given-postgres.ts"
import { type Copies, databaseUrl, givenCopies } from "./given-record.ts"

const postgres = givenPostgres()
const signer = readSigner(newKey("desk.example/landfall"))
const table = "funding_observations"
let copies: Copies
beforeAll(async () => {
  copies = await givenCopies(postgres)
})

let damaged = 0

/** A copy of the history in which a digit of one stored message was changed on the disk, under the server. */
const givenDamaged = async (settings: Readonly<Record<string, string>> = {}) => {
  const name = `damaged_${++damaged}`
  const server = plainClient(postgres.url)
  // Copied as files, so that the server has no page of it in memory.
  await server.unsafe(`create database ${name} template history strategy file_copy`)
  const [folder] = await server<{ data_directory: string }[]>`show data_directory`
  const history = plainClient(databaseUrl(postgres, "history"))
  const [stored] = await history<{ path: string; payload: string }[]>`
    select pg_relation_filepath(${table}::regclass) as path, payload from ${history(table)} where kafka_offset = 3`
  await history.end()
  const [{ oid } = { oid: 0 }] = await server<{ oid: number }[]>`
    select oid from pg_database where datname = ${name}`
  const file = join(folder?.data_directory ?? "", (stored?.path ?? "").replace(/base\/\d+/, `base/${oid}`))
  await changeDigit(file, stored?.payload ?? "")
  for (const [setting, value] of Object.entries(settings))
    await server.unsafe(`alter database ${name} set ${setting} = ${value}`)
  return given(databaseUrl(postgres, name))
}

const changeDigit = async (file: string, payload: string): Promise<void> => {
  const handle = await open(file, "r+")
  try {
    const bytes = await handle.readFile()
    const at = bytes.indexOf(payload)
    const digit = payload.indexOf('"amount":"') + '"amount":"'.length
    expect(at, "the message as it is on the disk").toBeGreaterThan(0)
    await handle.write(Buffer.from(payload[digit] === "9" ? "8" : "9"), 0, 1, at + digit)
  } finally {
    await handle.close()
  }
}

describe("row 6, roots: of a page that was corrupted on the disk", () => {
  it("the table is named, and nothing is attested, when the server looks at checksums, as a new cluster does", async () => {
    const database = await givenDamaged()
    const shown = new RegExp(
      `^${table}: PostgreSQL cannot read what it has stored: invalid page in block \\d+ of relation`,
    )
    const found = await verifyRecord(database)
    expect(found.differences.map(differenceLine)).toEqual([expect.stringMatching(shown)])
    expect(found).toMatchObject({ differenceCount: 1, logs: [], states: [] })
    expect(found.notes).toEqual([expect.stringContaining("nothing else was verified")])

    const dir = await mkdtemp(join(tmpdir(), "landfall-damaged-"))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const file = join(dir, "attestations")
    const { attested, verification } = await attestRecord(database, file, signer, Date.now())
    expect(attested).toBeNull()
    expect(verification.differences.map(differenceLine)).toEqual([expect.stringMatching(shown)])

    const intact = await copies.copy()
    expect((await attestRecord(intact.database, file, signer, Date.now())).attested).not.toBeNull()
    const against = await verifyAgainstFile(database, file, signer.verifier)
    expect(against.verification.differences.map(differenceLine)).toEqual([expect.stringMatching(shown)])
  })

  it("the row is named when the server does not look at checksums", async () => {
    const database = await givenDamaged({ ignore_checksum_failure: "on" })
    const { differences } = await verifyRecord(database)
    expect(differences.map(differenceLine)).toContain(
      "ops.funding_observation/0/3: the row does not fit its leaf hash: it was changed",
    )
  })

  it("no other failure is taken for one", async () => {
    const { database } = await copies.copy()
    await database.transaction((transaction) => transaction.script(`drop table ${table} cascade`))
    await expect(verifyRecord(database)).rejects.toThrow(/does not exist/)
  })
})
