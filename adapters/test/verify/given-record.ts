import { recordEncoder } from "@landfall/domain/codec"
import { type AnyTopic, topicByName, topics } from "@landfall/domain/registry"
import { projections } from "@landfall/projections/registry"
import { historyOf } from "@landfall/projections/testing/generators"
import fc from "fast-check"
import { onTestFinished } from "vitest"
import { dismissLetters } from "../../src/dead-letters/dismiss.ts"
import { retryLetters } from "../../src/dead-letters/retry.ts"
import { createCheckpoint, lockCheckpoints } from "../../src/history/checkpoint.ts"
import { commitSession, ingest, openSession } from "../../src/history/ingest.ts"
import { messageReader } from "../../src/history/read-message.ts"
import { claimSnapshotVersions } from "../../src/history/snapshot-versions.ts"
import type { ConsumedMessage } from "../../src/kafka/consumer.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { type Database, openDatabase } from "../../src/postgres/transaction.ts"
import { leafHash } from "../../src/transparency-log/leaf.ts"
import { append, emptyLog, encodeEdge, root } from "../../src/transparency-log/merkle-log.ts"
import { type GivenPostgres, plainClient } from "../postgres/given-postgres.ts"

export const topicId = Buffer.alloc(16, 7)
export const now_ms = Date.UTC(2026, 10, 23)

/** Where the topic of the tampering tests has what, so that they can name it. */
export const marked = { topic: "ops.funding_observation", deadLetter: 5, duplicate: 7, marker: 9 } as const

/** Messages of a topic from an offset on. The first of the marked topic have a letter, a duplicate and a marker among them. */
const messagesOf = (topic: AnyTopic, seed: number, from: number): ReadonlyArray<ConsumedMessage> => {
  const encode = recordEncoder(topic)
  const records = fc.sample(historyOf(topic.name), { numRuns: 6, seed }).flat() as Array<
    Record<string, unknown>
  >
  // Histories are made one by one and may use an id twice, which makes a letter of the second.
  const unique = new Map(records.map((record) => [record[topic.id], record]))
  const items = [...unique.values()].map((record) => ({
    key: Buffer.from(topic.key(record)),
    value: Buffer.from(encode(record)),
  }))
  const marks = from === 0 && topic.name === marked.topic
  if (marks) {
    const [first] = items as [(typeof items)[number]]
    items.splice(marked.deadLetter, 0, { key: first.key, value: Buffer.from("{ no record") })
    items.splice(marked.duplicate, 0, first)
  }
  return items.map(({ key, value }, place) => {
    // A transaction's marker takes an offset and is no message.
    const offset = from + place + (marks && place >= marked.marker ? 1 : 0)
    const headers = offset % 4 === 0 ? [{ source: Buffer.from("test") }] : []
    return {
      ...{ topic: topic.name, partition: 0, offset, leaderEpoch: 0 },
      timestamp: now_ms + offset,
      key,
      value,
      headers,
    }
  })
}

/** Writes messages of one partition as the history writer writes them. */
export const write = async (
  database: Database,
  topic: AnyTopic,
  messages: ReadonlyArray<ConsumedMessage>,
  id: Buffer = topicId,
  unreadable: ReadonlySet<number> = new Set(),
): Promise<number> => {
  const read = messageReader(topic)
  const [first] = messages
  if (first === undefined) return 0
  const at = { topic: topic.name, partition: first.partition }
  const checkpoints = await database.transaction(async (transaction) => {
    await createCheckpoint(transaction, { ...at, topicId: id, firstOffset: first.offset }, now_ms)
    return lockCheckpoints(transaction, [at])
  })
  const session = openSession(checkpoints.values(), [topic], 1000)
  const batch = messages.map((message) =>
    unreadable.has(message.offset)
      ? {
          ...read(message, id),
          decoded: { ok: false as const, reason: "the program of then did not know it" },
        }
      : read(message, id),
  )
  const outcome = await database.transaction((transaction) => ingest(transaction, session, batch, now_ms))
  commitSession(session, outcome)
  return outcome.ingested.evidence
}

/** A history of every topic, with a dead letter, a duplicate and a transaction marker, and one act about the letter. */
export const givenHistory = async (database: Database): Promise<number> => {
  await migrate(database)
  await database.transaction((transaction) => claimSnapshotVersions(transaction, projections))
  let events = 0
  for (const topic of topics) events += await write(database, topic, messagesOf(topic, 20_261_123, 0))
  const letter = [{ topic: marked.topic, partition: 0, offset: marked.deadLetter }]
  await dismissLetters(database, letter, { by: "ada", why: "a test message" })
  // Refused, because it is no record under any program; that is an act too.
  await retryLetters(database, letter, { actor: { by: "ben", why: "to be sure" } })
  return events
}

/** More events of every topic. */
export const grow = async (database: Database): Promise<void> => {
  for (const { name } of topics) {
    const topic = topicByName(name) as AnyTopic
    const next = await database.transaction((transaction) =>
      transaction.query<{ next_offset: string }>(
        "select next_offset from checkpoints where topic = $1 and topic_partition = 0",
        [name],
      ),
    )
    await write(database, topic, messagesOf(topic, 777, Number(next[0]?.next_offset)))
  }
}

/** Databases that are copies of one, so that each test can spoil its own. */
export interface Copies {
  readonly events: number
  /** A copy of the history, or of another copy that is closed, as its superuser. */
  readonly copy: (of?: string) => Promise<{ readonly database: Database; readonly name: string }>
}

let copies = 0

/** The address of another database of the same server. */
export const databaseUrl = (postgres: GivenPostgres, name: string): string => {
  const url = new URL(postgres.url)
  url.pathname = `/${name}`
  return url.href
}

/** Makes the history once. */
export const givenCopies = async (postgres: GivenPostgres): Promise<Copies> => {
  const original = openDatabase(await postgres.createDatabase("history"), { applicationName: "history" })
  const events = await givenHistory(original)
  await original.close()
  return { events, ...copiesOf(postgres, "history") }
}

/** Copies of a database that nobody is connected to. */
export const copiesOf = (postgres: GivenPostgres, original: string): Pick<Copies, "copy"> => {
  return {
    copy: async (of = original) => {
      const name = `copy_${++copies}`
      await plainClient(postgres.url).unsafe(`create database ${name} template ${of}`)
      const database = openDatabase(databaseUrl(postgres, name), { applicationName: name })
      onTestFinished(() => database.close())
      return { database, name }
    },
  }
}

/** Changes a table as only a superuser can: with the trigger switched off. */
export const tamper = (database: Database, table: string, change: string): Promise<void> =>
  database.transaction((transaction) =>
    transaction.script(
      `alter table ${table} disable trigger append_only; ${change};
       alter table ${table} enable always trigger append_only`,
    ),
  )

interface Row {
  readonly kafka_offset: string
  readonly leader_epoch: number
  readonly kafka_timestamp_ms: string
  readonly message_key: Buffer
  readonly message_headers: Buffer | null
  readonly payload: string
}

/** Makes leaf hashes, roots and checkpoint of a partition fit its rows again, as whoever owns the database can. */
export const makeConsistent = async (
  database: Database,
  table: string,
  topic: string,
  id: Buffer = topicId,
): Promise<void> => {
  const rows = await database.transaction((transaction) =>
    transaction.query<Row>(`select * from ${table} order by kafka_offset`),
  )
  const leaves = rows.map((row) =>
    leafHash({
      ...{ topicId: id, partition: 0, offset: Number(row.kafka_offset), leaderEpoch: row.leader_epoch },
      ...{ timestampMs: Number(row.kafka_timestamp_ms), key: row.message_key, headers: row.message_headers },
      value: Buffer.from(row.payload),
    }),
  )
  const log = append(emptyLog, leaves)
  const hex = (bytes: Buffer | undefined): string => `decode('${bytes?.toString("hex")}', 'hex')`
  const last = rows.at(-1)?.kafka_offset
  await tamper(
    database,
    table,
    `${rows.map((row, at) => `update ${table} set leaf_hash = ${hex(leaves[at])} where kafka_offset = ${row.kafka_offset}`).join(";")};
     update checkpoints set log_size = ${log.size}, log_root = ${hex(root(log))}, log_right_edge = ${hex(encodeEdge(log))}
       where topic = '${topic}';
     update checkpoints set last_leaf_hash = ${hex(leaves.at(-1))} where topic = '${topic}' and last_offset = ${last}`,
  )
}
