import { amount } from "@landfall/domain/amount"
import { type Timestamp, timestamp } from "@landfall/domain/timestamp"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { fold } from "@landfall/projections/fold"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { expect, it } from "vitest"
import type { Basis } from "../../src/audit/as-of.ts"
import { readHistory } from "../../src/audit/history.ts"
import { findRow, listRows } from "../../src/audit/rows.ts"
import { dismissLetters } from "../../src/dead-letters/dismiss.ts"
import { retryLetters } from "../../src/dead-letters/retry.ts"
import { rebuildProjection, rollBackProjection } from "../../src/rebuild/rebuild.ts"
import { checkLive } from "../../src/replay/check-live.ts"
import { verifyRecord } from "../../src/verify/verify-record.ts"
import { givenPostgres, plainClient } from "../postgres/given-postgres.ts"
import { foldOf, type GivenLog, givenLog } from "./given-letters.ts"

const postgres = givenPostgres()
const topic = fundingObservationTopic
const actor = { by: "ada", why: "the reader is fixed" }
const tx_hash = "ab".repeat(32)
const transfer_id = bitcoinTransferId(tx_hash, 0)

/** What happened at the given minute of the story. */
const minute = (at: number): Timestamp => timestamp(Date.UTC(2026, 0, 1) + at * 60_000)

const seen = (revision: number): FundingObservation => ({
  funding_observation_id: fundingObservationId(transfer_id, revision),
  ...{ transfer_id, revision, tx_hash, last_seen_at: minute(revision), first_seen_at: minute(1) },
  ...{ account_id: "desk.near", asset_id: "btc", chain: "bitcoin", funding_handle: "bcrt1qdesk" },
  ...{ source: "bitcoind", output_index: 0, status: "seen", amount: amount(50_000n), confirmations: 0 },
  ...{ confirmations_required: 2, cause: "first_seen" },
  observer: { state: "ok", tip_height: 100, tip_at: minute(revision) },
})

const rowOf = (...revisions: ReadonlyArray<number>) =>
  fold(fundingTransfer, revisions.map(seen)).get(transfer_id) ?? null

/** Four observations, of which the second was a dead letter that was retried; what to ask it by. */
const givenRetried = async (
  name: string,
): Promise<{ log: GivenLog; before: Timestamp; after: Timestamp }> => {
  const log = await givenLog(await postgres.createDatabase(name), topic)
  await log.deliver([1, 2, 3, 4].map((n) => ({ record: seen(n), offset: n - 1, readable: n !== 2 })))
  await retryLetters(log.operator, [{ topic: topic.name, partition: 0, offset: 1 }], { actor })
  const [act] = await plainClient(log.url)<{ at: Date }[]>`select acted_at as at from dead_letter_acts`
  const acted_ms = act?.at.getTime() ?? 0
  return { log, before: timestamp(acted_ms - 1), after: timestamp(acted_ms) }
}

it("a rebuild, a replay and a verification give the row with the letter in its place", async () => {
  const { log } = await givenRetried("anew")
  expect(await log.live()).toEqual(foldOf(topic, [1, 2, 3, 4].map(seen)))
  const rebuilt = await rebuildProjection(log.writer, fundingTransfer, { promote: true })
  expect(rebuilt).toMatchObject({
    promoted: true,
    difference: { same: 1, changed: 0, missing: 0, surplus: 0 },
  })
  expect(await log.live()).toEqual(foldOf(topic, [1, 2, 3, 4].map(seen)))
  const replayed = await log.auditor.transaction((transaction) =>
    checkLive(transaction, fundingTransfer, null),
  )
  expect(replayed).toMatchObject({ same: true, replayed: { events: 4 } })
  expect(await verifyRecord(log.auditor)).toMatchObject({ evidence: 3, deadLetters: 1, differences: [] })
})

it("a table from before the letter was retried is not put back", async () => {
  const log = await givenLog(await postgres.createDatabase("back"), topic)
  await log.deliver([1, 2, 3].map((n) => ({ record: seen(n), offset: n - 1, readable: n !== 2 })))
  await rebuildProjection(log.writer, fundingTransfer, { promote: true })
  await retryLetters(log.operator, [{ topic: topic.name, partition: 0, offset: 1 }], { actor })
  await expect(rollBackProjection(log.writer, fundingTransfer)).rejects.toThrow("there is no previous table")
  expect(await log.live()).toEqual(foldOf(topic, [1, 2, 3].map(seen)))
})

it("as of an instant before the retry it was not known; by event time it happened when it happened", async () => {
  const { log, before, after } = await givenRetried("as_of")
  const asked = (at: Timestamp, basis: Basis = "ingest") =>
    log.auditor.transaction(async (transaction) => {
      const found = await findRow(transaction, fundingTransfer, transfer_id, { at, basis })
      const conditions = [{ column: "tx_hash", type: "text", is: "=", value: tx_hash }] as const
      const query = { conditions, after: null, asOf: { at, basis } }
      const [listed] = await listRows(transaction, fundingTransfer, query, 10)
      expect(listed?.row ?? null).toEqual(found?.row ?? null)
      return found?.row ?? null
    })
  expect(await asked(before)).toEqual(rowOf(1, 3, 4))
  expect(await asked(after)).toEqual(rowOf(1, 2, 3, 4))
  expect(await asked(minute(2), "event")).toEqual(rowOf(1, 2))
  expect(await asked(minute(3), "event")).toEqual(rowOf(1, 2, 3))
})

it("the history of the row and the auditors' view show it among the others", async () => {
  const { log } = await givenRetried("history")
  const steps = await log.auditor.transaction(async (transaction) => {
    const found = await findRow(transaction, fundingTransfer, transfer_id, null)
    const offsets: string[] = []
    for await (const { event } of readHistory(transaction, fundingTransfer, found as never, null))
      offsets.push(`${event.offset}${event.retried ? " retried" : ""}`)
    return offsets
  })
  expect(steps).toEqual(["0", "1 retried", "2", "3"])
  const view = await plainClient(log.url)`select count(*)::integer as events from audit_observations`
  expect(view[0]?.["events"]).toBe(4)
})

it("whoever changes a letter, an act or their order is found out", async () => {
  const { log } = await givenRetried("tampered")
  await log.deliver([{ record: seen(5), offset: 4, readable: false }], await log.start())
  await dismissLetters(log.operator, [{ topic: topic.name, partition: 0, offset: 4 }], actor)
  const sql = plainClient(log.url)
  const changed = async (table: string, change: string): Promise<ReadonlyArray<string>> => {
    await sql.unsafe(`create table kept as table ${table};
      alter table ${table} disable trigger append_only; ${change}`)
    const { differences } = await verifyRecord(log.auditor)
    await sql.unsafe(`delete from ${table}; insert into ${table} select * from kept; drop table kept;
      alter table ${table} enable always trigger append_only`)
    return differences.map((one) => JSON.stringify(one))
  }
  expect((await verifyRecord(log.auditor)).differences).toEqual([])
  for (const [table, change] of [
    ["dead_letter_acts", "update dead_letter_acts set reason = 'another' where act_number = 1"],
    ["dead_letter_acts", "update dead_letter_acts set acted_by = 'grace' where act_number = 2"],
    ["dead_letter_acts", "delete from dead_letter_acts where act_number = 1"],
    ["dead_letter_acts", "update dead_letter_acts set act_number = 3 where act_number = 1"],
    [
      "dead_letter_acts",
      "update dead_letter_acts set kafka_offset = 4, topic_partition = 0 where act_number = 1",
    ],
    ["dead_letters", "update dead_letters set message_value = message_value || ' ' where kafka_offset = 1"],
    ["dead_letters", "update dead_letters set leaf_hash = sha256('x') where kafka_offset = 4"],
  ] as const)
    expect(await changed(table, change), change).not.toEqual([])
  expect((await verifyRecord(log.auditor)).differences).toEqual([])
})
