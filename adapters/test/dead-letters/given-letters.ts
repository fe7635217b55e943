import { recordEncoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import { fold, type Rows } from "@landfall/projections/fold"
import { projections, projectionsOfTopic } from "@landfall/projections/registry"
import { createCheckpoint, lockCheckpoints } from "../../src/history/checkpoint.ts"
import { commitSession, type Ingested, ingest, openSession, type Session } from "../../src/history/ingest.ts"
import { messageReader, type ReadMessage } from "../../src/history/read-message.ts"
import { openSnapshotTable } from "../../src/history/snapshot-table.ts"
import { claimSnapshotVersions, readStandings } from "../../src/history/snapshot-versions.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import type { Database } from "../../src/postgres/transaction.ts"
import { given } from "../postgres/given-postgres.ts"

export const topicId = Buffer.alloc(16, 7)
export const now_ms = Date.UTC(2026, 10, 23)

/** A message of a log: a record, and whether yesterday's program could read it. */
export interface Sent {
  readonly record: unknown
  readonly offset: number
  readonly partition?: number
  readonly readable?: boolean
  /** Other bytes than the record's own. */
  readonly value?: Buffer | null
}

/** The message as the program of then read it. */
export const read = (
  topic: AnyTopic,
  { record, offset, partition = 0, readable = true, value }: Sent,
): ReadMessage => {
  const message = messageReader(topic)(
    {
      topic: topic.name,
      partition,
      offset,
      leaderEpoch: 0,
      timestamp: now_ms + offset,
      key: Buffer.from(topic.key(record)),
      value: value === undefined ? Buffer.from(recordEncoder(topic)(record)) : value,
    },
    topicId,
  )
  return readable
    ? message
    : { ...message, decoded: { ok: false, reason: "the program of then did not know it" } }
}

/** A database with one topic, written as the history writer writes it, and those who use it. */
export interface GivenLog {
  readonly url: string
  readonly writer: Database
  readonly operator: Database
  readonly auditor: Database
  /** Writes a batch in the session that goes on, as a running writer does; a failure ends the session. */
  readonly deliver: (messages: ReadonlyArray<Sent>, session?: Session) => Promise<Ingested>
  /** A session of a writer that starts now. */
  readonly start: () => Promise<Session>
  /** The live rows of all projections of the topic. */
  readonly live: () => Promise<ReadonlyMap<string, Rows<unknown>>>
}

/** The rows that those records give, by projection. */
export const foldOf = (
  topic: AnyTopic,
  records: ReadonlyArray<unknown>,
): ReadonlyMap<string, Rows<unknown>> =>
  new Map(projectionsOfTopic(topic.name).map((projection) => [projection.name, fold(projection, records)]))

/** An empty log of one topic in two partitions. */
export const givenLog = async (url: string, topic: AnyTopic): Promise<GivenLog> => {
  const owner = given(url, { applicationName: "owner" })
  await migrate(owner)
  const writer = given(url, { applicationName: "writer", role: "landfall_writer" })
  const operator = given(url, { applicationName: "operator", role: "landfall_operator" })
  const auditor = given(url, { applicationName: "auditor", role: "landfall_auditor" })
  const places = [0, 1].map((partition) => ({ topic: topic.name, partition }))
  await writer.transaction(async (transaction) => {
    await claimSnapshotVersions(transaction, projections)
    for (const at of places) await createCheckpoint(transaction, { ...at, topicId, firstOffset: 0 }, now_ms)
  })
  const start = (): Promise<Session> =>
    writer.transaction(async (transaction) => {
      const checkpoints = await lockCheckpoints(transaction, places)
      return openSession(checkpoints.values(), [topic], 1000, { standings: await readStandings(transaction) })
    })
  let running: Session | null = null
  return {
    url,
    writer,
    operator,
    auditor,
    start,
    deliver: async (messages, session) => {
      running = session ?? running ?? (await start())
      const mine = running
      const batch = messages.map((sent) => read(topic, sent))
      try {
        const outcome = await writer.transaction((transaction) => ingest(transaction, mine, batch, now_ms))
        commitSession(mine, outcome)
        return outcome.ingested
      } catch (error) {
        running = null
        throw error
      }
    },
    live: () =>
      auditor.transaction(async (transaction) => {
        const all = new Map<string, Rows<unknown>>()
        for (const projection of projectionsOfTopic(topic.name)) {
          const stored = await openSnapshotTable(projection).loadAll(transaction)
          all.set(projection.name, new Map(Array.from(stored, ([key, { row }]) => [key, row])))
        }
        return all
      }),
  }
}
