import { beforeAll, describe, expect, it } from "vitest"
import { leafHash } from "../../src/transparency-log/leaf.ts"
import { differenceLine } from "../../src/verify/findings.ts"
import { verifyRecord } from "../../src/verify/verify-record.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"
import { type Copies, givenCopies, marked, tamper, topicId } from "./given-record.ts"

const postgres = givenPostgres()
let copies: Copies
beforeAll(async () => {
  copies = await givenCopies(postgres)
})

const table = "funding_observations"

interface StoredMessageRow {
  readonly kafka_timestamp_ms: string
  readonly message_key: Buffer
  readonly message_headers: Buffer | null
  readonly payload: string
}

describe("the record", () => {
  it("is intact when nobody changed it, and each gap that nothing explains is told", async () => {
    const { database } = await copies.copy()
    expect(copies.events).toBeGreaterThan(40)
    const { logs, states, ...found } = await verifyRecord(database)
    expect(found).toMatchObject({
      ...{ evidence: copies.events, deadLetters: 1, duplicates: 1 },
      ...{ differences: [], differenceCount: 0, gapCount: 1, gapOffsets: 1 },
      gaps: [{ topic: marked.topic, partition: 0, from: marked.marker, to: marked.marker + 1 }],
      notes: [],
    })
    expect(logs.map(({ log }) => log)).toContain("dead_letter_acts")
    expect(logs.reduce((sum, { size }) => sum + size, 0)).toBe(copies.events + 2)
    expect(states.map(({ rows }) => rows).every((rows) => rows > 0)).toBe(true)
  })

  it.each([
    [
      "a changed payload",
      table,
      `update ${table} set payload = replace(payload, 'amount', 'amoumt') where kafka_offset = 3`,
      /funding_observation\/0\/3: the row does not fit its leaf hash/,
    ],
    [
      "a changed time",
      table,
      `update ${table} set kafka_timestamp_ms = 1 where kafka_offset = 2`,
      /funding_observation\/0\/2: the row does not fit its leaf hash/,
    ],
    [
      "a changed key",
      table,
      `update ${table} set message_key = 'x' where kafka_offset = 2`,
      /funding_observation\/0\/2: the row does not fit its leaf hash/,
    ],
    [
      "a removed header",
      table,
      `update ${table} set message_headers = null where kafka_offset = 4`,
      /funding_observation\/0\/4: the row does not fit its leaf hash/,
    ],
    [
      "a forged leaf hash",
      table,
      `update ${table} set leaf_hash = sha256('x') where kafka_offset = 4`,
      /funding_observation\/0\/4: .*leaf hash/,
    ],
    [
      "a typed column that tells other than the bytes",
      table,
      `update ${table} set status = 'credited', amount = amount + 1 where kafka_offset = 1`,
      /funding_observation\/0\/1: columns differ from its bytes: status is "credited" for .*, amount is/,
    ],
    [
      "another event id",
      table,
      `update ${table} set event_id = gen_random_uuid() where kafka_offset = 1`,
      /funding_observation\/0\/1: its event id is .*, and its bytes say/,
    ],
    [
      "a deleted row",
      table,
      `delete from ${table} where kafka_offset = 1`,
      /funding_observation\/0: the rows make a log of \d+ leaves .* they part between the offsets 0 and/,
    ],
    [
      "two rows that changed places",
      table,
      `update ${table} set kafka_offset = 1000000 where kafka_offset = 1; update ${table} set kafka_offset = 1 where kafka_offset = 2; update ${table} set kafka_offset = 2 where kafka_offset = 1000000`,
      /funding_observation\/0\/1: the row does not fit its leaf hash/,
    ],
    [
      "a row inserted into a gap",
      table,
      `insert into ${table} select (jsonb_populate_record(one, jsonb_build_object('kafka_offset', ${marked.marker}, 'event_id', gen_random_uuid()))).* from ${table} as one where kafka_offset = 3`,
      /funding_observation\/0\/9: the row does not fit its leaf hash/,
    ],
    [
      "a row inserted at the end",
      table,
      `insert into ${table} select (jsonb_populate_record(one, jsonb_build_object('kafka_offset', 5000, 'event_id', gen_random_uuid()))).* from ${table} as one where kafka_offset = 3`,
      /funding_observation\/0\/5000: it is recorded, and the checkpoint says that the offsets from 0 up to \d+ were read/,
    ],
    [
      "a row where a letter is",
      table,
      `insert into ${table} select (jsonb_populate_record(one, jsonb_build_object('kafka_offset', ${marked.deadLetter}, 'event_id', gen_random_uuid()))).* from ${table} as one where kafka_offset = 3`,
      /funding_observation\/0\/5: the offset is recorded twice/,
    ],
    [
      "a changed dead letter",
      "dead_letters",
      "update dead_letters set message_value = 'x'",
      /funding_observation\/0\/5: the row does not fit its leaf hash/,
    ],
    [
      "a deleted dead letter",
      "dead_letters",
      "delete from dead_letters",
      /funding_observation\/0: the checkpoint counted 1, and 0 are recorded/,
    ],
    [
      "a deleted duplicate",
      "duplicate_deliveries",
      "delete from duplicate_deliveries",
      /funding_observation\/0: the checkpoint counted 1, and 0 are recorded/,
    ],
    [
      "a duplicate of nothing",
      "duplicate_deliveries",
      "update duplicate_deliveries set event_id = gen_random_uuid()",
      /funding_observation\/0\/7: it repeats .*, and there is no such event/,
    ],
    [
      "a changed act",
      "dead_letter_acts",
      "update dead_letter_acts set acted_by = 'eve'",
      /dead_letter_acts\/1: the act or its letter does not fit/,
    ],
    [
      "an act that is gone",
      "dead_letter_acts",
      "delete from dead_letter_acts where act_number = 1",
      /dead_letter_acts\/2: acts are numbered on, and the one before it is 0: acts are missing/,
    ],
    [
      "a changed root",
      "dead_letter_acts",
      "update checkpoints set log_root = sha256('x') where topic = 'ops.alert'",
      /ops\.alert\/0: the checkpoint's root is not that of its right edge/,
    ],
    [
      "a changed right edge",
      "dead_letter_acts",
      "update checkpoints set log_right_edge = decode(repeat('00', octet_length(log_right_edge)), 'hex') where topic = 'ops.alert'",
      /ops\.alert\/0: the rows make a log of/,
    ],
    [
      "a row of the snapshot",
      "dead_letter_acts",
      "update funding_transfer_snapshot set status = 'no status', amount = amount + 1",
      /funding_transfer .*: the snapshot is not what the evidence makes: status is "no status" for "\w+", amount is/,
    ],
    [
      "a row of the snapshot that is gone",
      "dead_letter_acts",
      "delete from funding_transfer_snapshot",
      /funding_transfer .*: the snapshot has no row, the evidence makes /,
    ],
    [
      "a row of the snapshot too many",
      "dead_letter_acts",
      'insert into market_price_snapshot select (jsonb_populate_record(one, \'{"row_key":"x"}\')).* from market_price_snapshot as one limit 1',
      /market_price x: the snapshot has a row, the evidence makes none/,
    ],
    [
      "a row of the snapshot with another event behind it",
      "dead_letter_acts",
      "update market_price_snapshot set kafka_offset = kafka_offset + 100",
      /market_price .*: the snapshot says that offset 0\/\d+ changed it last/,
    ],
  ])("shows %s", async (_, target, change, shown) => {
    const { database } = await copies.copy()
    await tamper(database, target, change)
    const { differences, differenceCount } = await verifyRecord(database)
    const lines = differences.map(differenceLine)
    expect(
      lines.some((line) => shown.test(line)),
      lines.join("\n"),
    ).toBe(true)
    expect(differenceCount).toBeGreaterThan(0)
  })

  it("names where a deleted row was: an offset that nothing explains any more", async () => {
    const { database } = await copies.copy()
    await tamper(database, table, `delete from ${table} where kafka_offset in (3, 4)`)
    const { gaps, differences } = await verifyRecord(database)
    expect(differences.map(differenceLine).join("\n")).toMatch(
      /they part between the offsets 0 and \d+, where these offsets have no row and nothing explains it: 3 to 4, 9$/m,
    )
    expect(gaps).toContainEqual({ topic: marked.topic, partition: 0, from: 3, to: 5 })
  })

  it.each([
    ["a gap", marked.marker],
    ["the end", 4_000],
  ])("names a row that was added to %s with a leaf hash that fits", async (_, offset) => {
    const { database } = await copies.copy()
    const [like] = await database.transaction((transaction) =>
      transaction.query<StoredMessageRow>(`select * from ${table} where kafka_offset = 3`),
    )
    if (like === undefined) throw new Error("there is no such row")
    const leaf = leafHash({
      ...{ topicId, partition: 0, offset, leaderEpoch: 0, timestampMs: Number(like.kafka_timestamp_ms) },
      ...{ key: like.message_key, headers: like.message_headers, value: Buffer.from(like.payload) },
    })
    const changed = `jsonb_build_object('kafka_offset', ${offset}, 'event_id', gen_random_uuid(), 'leaf_hash', '\\x${leaf.toString("hex")}')`
    await tamper(
      database,
      table,
      `insert into ${table} select (jsonb_populate_record(one, ${changed})).* from ${table} as one where kafka_offset = 3`,
    )
    const { differences } = await verifyRecord(database)
    expect(differences.map(differenceLine)).toContain(
      `ops.funding_observation/0/${offset}: the row was added: without it the rows make the checkpoint's tree`,
    )
  })

  it("says in which part of the log the rows part from the checkpoint's tree", async () => {
    const { database } = await copies.copy()
    const [row] = await database.transaction((transaction) =>
      transaction.query<{ size: string }>(
        "select log_size as size from checkpoints where topic = 'ops.funding_observation'",
      ),
    )
    // The last leaf is in the last subtree of the right edge, which begins after the largest power of two and what follows.
    await tamper(
      database,
      table,
      `update ${table} set leader_epoch = 5 where kafka_offset = (select max(kafka_offset) from ${table})`,
    )
    const { differences } = await verifyRecord(database)
    const line = differences.map(differenceLine).find((one) => one.includes("they part between")) ?? ""
    const [, first = "", last = ""] = /between the offsets (\d+) and (\d+)/.exec(line) ?? []
    expect(Number(last) - Number(first)).toBeLessThan(Number(row?.size))
    expect(Number(first)).toBeGreaterThan(0)
  })

  it("is not compared with a snapshot of another version, and says so", async () => {
    const { database } = await copies.copy()
    await tamper(
      database,
      "dead_letter_acts",
      "insert into snapshot_versions (projection, version) values ('market_price', 99) on conflict (projection) do update set version = 99",
    )
    const { differences, notes } = await verifyRecord(database)
    expect(differences).toEqual([])
    expect(notes).toEqual([
      expect.stringContaining("the snapshot of market_price was not compared: it is of version 99"),
    ])
  })
})
