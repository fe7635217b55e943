import { recordEncoder } from "@landfall/domain/codec"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { historyOf } from "@landfall/projections/testing/generators"
import fc from "fast-check"
import { createCheckpoint, lockCheckpoints } from "../../src/history/checkpoint.ts"
import { commitSession, ingest, openSession, type Session } from "../../src/history/ingest.ts"
import { messageReader, type ReadMessage } from "../../src/history/read-message.ts"
import type { Database } from "../../src/postgres/transaction.ts"

const topicId = Buffer.alloc(16, 7)
const partitions = [0, 1]
/** When the first batch is written. */
export const start_ms = Date.UTC(2026, 5, 1)

/** An event as it was given to the record. */
export interface Given {
  readonly topic: AnyTopic
  readonly partition: number
  readonly offset: number
  readonly ingested_ms: number
  readonly record: unknown
}

/** A message that is no record, and a message that repeats one. */
export type Odd = "poison" | "repeat"

/** Messages of one topic that are written together. */
export interface Batch {
  readonly topic: AnyTopic
  readonly records: ReadonlyArray<unknown>
  readonly ingested_ms: number
  readonly odd?: Odd
}

/** Batches of every topic, each at its own instant, some at the same. */
export const batchesOf = (
  histories: ReadonlyMap<AnyTopic, ReadonlyArray<unknown>>,
  cuts: ReadonlyArray<number>,
) => {
  const batches: Batch[] = []
  let turn = 0
  const next = (): number => cuts[turn++ % cuts.length] ?? 1
  for (const [topic, records] of histories) {
    let now_ms = start_ms
    for (let from = 0; from < records.length; ) {
      const size = 1 + (next() % 4)
      now_ms += (next() % 3) * 10
      const odd = next() % 7
      batches.push({
        topic,
        records: records.slice(from, from + size),
        ingested_ms: now_ms,
        ...(odd === 0 && { odd: "poison" as const }),
        ...(odd === 1 && { odd: "repeat" as const }),
      })
      from += size
    }
  }
  return batches
}

/** A history of every topic. */
export const anyHistories = fc
  .tuple(...topics.map((topic) => historyOf(topic.name)))
  .map((all) => new Map(topics.map((topic, index) => [topic, all[index] ?? []])))

/** Every key of a topic is in one partition. */
const partitionOf = (key: string): number => (key.length + (key.codePointAt(key.length - 1) ?? 0)) % 2

/** What was written: the events, and every message with them. */
export interface GivenRecord {
  readonly events: ReadonlyArray<Given>
  readonly messages: ReadonlyArray<Omit<Given, "record">>
}

/** Writes batches as the history writer does. Leaves a hole of offsets here and there. */
export const givenRecord = async (
  database: Database,
  batches: ReadonlyArray<Batch>,
): Promise<GivenRecord> => {
  const sessions = new Map<AnyTopic, Session>()
  const events: Given[] = []
  const messages: Array<Omit<Given, "record">> = []
  const next = new Map<string, number>()
  const offsetOf = (topic: AnyTopic, partition: number): number => {
    const name = `${topic.name}/${partition}`
    const offset = next.get(name) ?? 0
    next.set(name, offset + (offset % 5 === 3 ? 2 : 1))
    return offset
  }
  for (const { topic, records, ingested_ms, odd } of batches) {
    const session = sessions.get(topic) ?? (await open(database, topic))
    sessions.set(topic, session)
    const encode = recordEncoder(topic)
    const read = messageReader(topic)
    const message = (key: string, value: string): ReadMessage => {
      const partition = partitionOf(key)
      const offset = offsetOf(topic, partition)
      messages.push({ topic, partition, offset, ingested_ms })
      return read(
        {
          topic: topic.name,
          partition,
          offset,
          leaderEpoch: 0,
          timestamp: ingested_ms - 5,
          key: Buffer.from(key),
          value: Buffer.from(value),
        },
        topicId,
      )
    }
    const batch = records.map((record) => {
      const read = message(topic.key(record), encode(record))
      events.push({ topic, partition: read.partition, offset: read.offset, ingested_ms, record })
      return read
    })
    const [first] = records
    if (odd === "poison") batch.push(message("poison", "no record"))
    if (odd === "repeat" && first !== undefined) batch.push(message(topic.key(first), encode(first)))
    const outcome = await database.transaction((transaction) =>
      ingest(transaction, session, batch, ingested_ms),
    )
    commitSession(session, outcome)
  }
  return { events, messages }
}

const open = async (database: Database, topic: AnyTopic): Promise<Session> => {
  const places = partitions.map((partition) => ({ topic: topic.name, partition }))
  const checkpoints = await database.transaction(async (transaction) => {
    for (const place of places)
      await createCheckpoint(transaction, { ...place, topicId, firstOffset: 0 }, start_ms)
    return lockCheckpoints(transaction, places)
  })
  return openSession(checkpoints.values(), [topic], 1000)
}
