import { recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { historyOf } from "@landfall/projections/testing/generators"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createCheckpoint, lockCheckpoints } from "../../src/history/checkpoint.ts"
import { commitSession, ingest, openSession } from "../../src/history/ingest.ts"
import { messageReader } from "../../src/history/read-message.ts"
import { verifyRecord } from "../../src/history/verify-record.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { type Database, openDatabase } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"

const topicId = Buffer.alloc(16, 7)
const now_ms = Date.UTC(2026, 10, 23)

const postgres = givenPostgres()

/** A database with a history of every topic, written as the history writer writes it. */
const givenRecord = async (name: string): Promise<{ database: Database; events: number }> => {
  const database = openDatabase(await postgres.createDatabase(name), { applicationName: name })
  await migrate(database)
  let events = 0
  for (const topic of topics) {
    const encode = recordEncoder(topic)
    const read = messageReader(topic)
    const records = fc.sample(historyOf(topic.name), { numRuns: 5, seed: 20_261_123 }).flat()
    const batch = records.map((record, offset) =>
      read(
        {
          topic: topic.name,
          partition: 0,
          offset,
          leaderEpoch: 0,
          timestamp: now_ms,
          key: Buffer.from(topic.key(record)),
          value: Buffer.from(encode(record)),
        },
        topicId,
      ),
    )
    const at = { topic: topic.name, partition: 0 }
    const checkpoints = await database.transaction(async (transaction) => {
      await createCheckpoint(transaction, { ...at, topicId, firstOffset: 0 }, now_ms)
      return lockCheckpoints(transaction, [at])
    })
    const session = openSession(checkpoints.values(), [topic], 1000)
    const outcome = await database.transaction((transaction) => ingest(transaction, session, batch, now_ms))
    commitSession(session, outcome)
    events += outcome.ingested.evidence
  }
  return { database, events }
}

/** Changes evidence as only a superuser can: with the trigger switched off. */
const tamper = (database: Database, change: string): Promise<void> =>
  database.transaction((transaction) =>
    transaction.script(
      `alter table funding_observations disable trigger append_only; ${change};
       alter table funding_observations enable always trigger append_only`,
    ),
  )

describe("the record", () => {
  it("is intact when nobody changed it", async () => {
    const { database, events } = await givenRecord("intact")
    expect(events).toBeGreaterThan(20)
    expect(await verifyRecord(database)).toMatchObject({ evidence: events, differences: [] })
    await database.close()
  })

  it.each([
    [
      "a changed payload",
      "update funding_observations set payload = replace(payload, 'amount', 'amoumt') where kafka_offset = 3",
      /funding_observations 0\/3: the row does not fit its leaf hash/,
    ],
    [
      "a changed time",
      "update funding_observations set kafka_timestamp_ms = 1 where kafka_offset = 2",
      /funding_observations 0\/2: the row does not fit its leaf hash/,
    ],
    [
      "a forged leaf hash",
      "update funding_observations set leaf_hash = sha256('x') where kafka_offset = 4",
      /funding_observations 0\/4: .*leaf hash/,
    ],
    [
      "a deleted row",
      "delete from funding_observations where kafka_offset = 1",
      /ops\.funding_observation\/0: the rows make a log of \d+ leaves/,
    ],
    [
      "two rows that changed places",
      `update funding_observations set kafka_offset = 1000000 where kafka_offset = 1;
       update funding_observations set kafka_offset = 1 where kafka_offset = 2;
       update funding_observations set kafka_offset = 2 where kafka_offset = 1000000`,
      /funding_observations 0\/1: the row does not fit its leaf hash/,
    ],
    [
      "a row of the snapshot",
      "update funding_transfer_snapshot set status = 'credited', amount = amount + 1",
      /funding_transfer .*: the snapshot has .*, the evidence makes /,
    ],
    [
      "a row of the snapshot that is gone",
      "delete from funding_transfer_snapshot",
      /funding_transfer .*: the snapshot has nothing, the evidence makes /,
    ],
  ])("shows %s", async (what, change, shown) => {
    const { database } = await givenRecord(what.replaceAll(/\W/g, "_").slice(0, 40))
    await tamper(database, change)
    const { differences } = await verifyRecord(database)
    expect(
      differences.some((line) => shown.test(line)),
      differences.join("\n"),
    ).toBe(true)
    await database.close()
  })
})
