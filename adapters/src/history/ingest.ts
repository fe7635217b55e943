import type { AnyTopic } from "@landfall/domain/registry"
import { type AnyProjection, projections as everyProjection } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"
import { append } from "../transparency-log/merkle-log.ts"
import { type Checkpoint, CheckpointMoved, partitionName } from "./checkpoint.ts"
import type { NewEvidence } from "./evidence-table.ts"
import { type ByPartition, byPartition, type ReadMessage } from "./read-message.ts"
import { RowCache } from "./row-cache.ts"
import { SetAside } from "./set-aside.ts"
import type { ChangedRow, StoredRow } from "./snapshot-table.ts"
import { isWritten, requireSameGeneration, type SnapshotStandings } from "./snapshot-versions.ts"
import { type HistoryTables, sqlTables } from "./tables.ts"

/** What a writer knows of its partitions between two batches; given up whole when a batch fails. */
export interface Session {
  readonly checkpoints: Map<string, Checkpoint>
  /** How the snapshots stood when the session began. */
  readonly standings: SnapshotStandings
  /** By topic, those projections that are written: a frozen snapshot is left as it is, and rebuilt beside. */
  readonly folds: ReadonlyMap<string, ReadonlyArray<Fold>>
  readonly tables: HistoryTables
}

/** A projection, its table, and the rows of it that were used lately. */
interface Fold {
  readonly projection: AnyProjection
  readonly table: ReturnType<HistoryTables["snapshot"]>
  readonly cache: RowCache
}

/** What a session folds with; the registry's projections, snapshots that stand as these do, and PostgreSQL, unless told. */
export interface SessionOptions {
  readonly standings?: SnapshotStandings
  readonly projections?: ReadonlyArray<AnyProjection>
  readonly tables?: HistoryTables
}

/** A session that starts at those checkpoints, with the snapshots as they stand then. */
export const openSession = (
  checkpoints: Iterable<Checkpoint>,
  topics: ReadonlyArray<AnyTopic>,
  cachedRowsMax: number,
  { standings = new Map(), projections = everyProjection, tables = sqlTables }: SessionOptions = {},
): Session => ({
  checkpoints: new Map(Array.from(checkpoints, (checkpoint) => [partitionName(checkpoint), checkpoint])),
  standings,
  tables,
  folds: new Map(
    topics.map((topic) => [
      topic.name,
      projections
        .filter((projection) => projection.topic.name === topic.name && isWritten(standings, projection))
        .map((projection) => ({
          projection,
          table: tables.snapshot(projection),
          cache: new RowCache(cachedRowsMax),
        })),
    ]),
  ),
})

/** What became of a batch. */
export interface Ingested {
  readonly evidence: number
  readonly duplicates: number
  readonly deadLetters: number
}

/**
 * Writes one batch in the given transaction: evidence with leaf hashes, dead letters, duplicates, snapshot rows and the
 * checkpoints. The session is moved forward only by {@link commitSession}, once the transaction has been committed.
 */
export const ingest = async (
  transaction: Transaction,
  session: Session,
  batch: ReadonlyArray<ReadMessage>,
  clock_ms: number,
): Promise<{
  readonly ingested: Ingested
  readonly checkpoints: ReadonlyArray<Checkpoint>
  readonly rows: ReadonlyArray<Touched>
}> => {
  const { tables } = session
  const now_ms = ingestTime(session, clock_ms)
  const setAside = new SetAside(now_ms)
  const parts = Array.from(groupByTopic(batch), ([topic, messages]) =>
    readable(session, topic, messages, setAside),
  )
  const partitions = byPartition(batch)
  // Every question is asked at once: one way to the server and back for all. The locks are the first, so the rest is final.
  const [before, ...answers] = await Promise.all([
    claim(transaction, session, partitions),
    ...parts.map((part) => lookUp(transaction, tables, part)),
  ])
  const accepted: ReadMessage[] = []
  const touched: Touched[] = []
  for (const [index, part] of parts.entries()) {
    const { existing, loaded } = answers[index] as Answers
    const fresh = sift(part, existing, setAside)
    if (fresh.length === 0) continue
    for (const { message } of fresh) accepted.push(message)
    const writing = tables.writeEvidence(transaction, part.topic, fresh, now_ms)
    writing.catch(() => {}) // awaited below, unless a fold throws before
    // Folded while PostgreSQL takes the evidence; nothing else may be sent to it before it has.
    const folded = part.folds.map((fold, at) => project(fold, fresh, loaded[at] ?? new Map()))
    await writing
    for (const { fold, rows: changed, changes } of folded) {
      await fold.table.write(transaction, changes)
      touched.push({ fold, rows: changed })
    }
  }
  await tables.writeSetAside(transaction, setAside)
  const checkpoints = advance(before, partitions, byPartition(accepted), setAside, now_ms)
  await tables.moveCheckpoints(
    transaction,
    checkpoints.map((to) => ({ from: before.get(partitionName(to)) as Checkpoint, to })),
  )
  const ingested = {
    evidence: accepted.length,
    duplicates: setAside.duplicateCount,
    deadLetters: setAside.deadLetterCount,
  }
  return { ingested, checkpoints, rows: touched }
}

/** A clock that was ahead by more than this is not followed: its rows stand out, and those after them have their own time. */
const aheadMaxMs = 60_000

/**
 * The time that a batch is written under. It does not go back when the clock is set back a little or that of the instance
 * before was ahead, so that what was known by an instant is the beginning of each partition's log.
 */
const ingestTime = ({ checkpoints }: Session, clock_ms: number): number => {
  let latest_ms = clock_ms
  for (const { updatedAtMs } of checkpoints.values()) latest_ms = Math.max(latest_ms, updatedAtMs)
  return latest_ms - clock_ms > aheadMaxMs ? clock_ms : latest_ms
}

/** Takes over what a committed batch has changed. */
export const commitSession = (
  session: Session,
  {
    checkpoints,
    rows,
  }: { readonly checkpoints: ReadonlyArray<Checkpoint>; readonly rows: ReadonlyArray<Touched> },
): void => {
  for (const checkpoint of checkpoints) session.checkpoints.set(partitionName(checkpoint), checkpoint)
  for (const { fold, rows: changed } of rows) for (const [key, row] of changed) fold.cache.set(key, row)
}

/**
 * Locks the checkpoints of the batch's partitions; throws when one is not where the session has it, or when a snapshot is
 * not the one that it was. Who swaps a snapshot locks all checkpoints, so how they stand is asked once these are locked.
 */
const claim = async (
  transaction: Transaction,
  session: Session,
  partitions: ByPartition,
): Promise<ReadonlyMap<string, Checkpoint>> => {
  const places = Array.from(partitions.values(), ([{ topic, partition }]) => ({
    topic: topic.name,
    partition,
  }))
  const [locked, standings] = await Promise.all([
    session.tables.lockCheckpoints(transaction, places),
    session.tables.readStandings(transaction),
  ])
  requireSameGeneration(session.standings, standings)
  for (const name of partitions.keys()) {
    const mine = session.checkpoints.get(name)
    const found = locked.get(name)
    if (mine === undefined || found?.nextOffset !== mine.nextOffset || found.log.size !== mine.log.size)
      throw new CheckpointMoved(
        `${name} stands at offset ${found?.nextOffset}, this writer left it at ${mine?.nextOffset}: another writer has it`,
      )
  }
  return locked
}

const groupByTopic = (batch: ReadonlyArray<ReadMessage>): ReadonlyMap<AnyTopic, ReadonlyArray<ReadMessage>> =>
  Map.groupBy(batch, (message) => message.topic)

/** What a batch has of one topic, and the projections that fold it. */
interface Part {
  readonly topic: AnyTopic
  readonly readable: ReadonlyArray<NewEvidence>
  readonly folds: ReadonlyArray<Fold>
}

/** What the database knows about a part: events it has already, and for each fold the rows that are not at hand. */
interface Answers {
  readonly existing: ReadonlyMap<string, string>
  readonly loaded: ReadonlyArray<ReadonlyMap<string, StoredRow>>
}

/** Takes the records of a topic's messages; what is none is set aside. */
const readable = (
  session: Session,
  topic: AnyTopic,
  messages: ReadonlyArray<ReadMessage>,
  setAside: SetAside,
): Part => {
  const records: NewEvidence[] = []
  for (const message of messages) {
    if (!message.decoded.ok) setAside.deadLetter(message, message.decoded.reason)
    else {
      const record = message.decoded.record as { readonly [field: string]: unknown }
      records.push({ message, eventId: record[topic.id] as string, record })
    }
  }
  return { topic, readable: records, folds: session.folds.get(topic.name) ?? [] }
}

/** Asks the database all that a part needs to know. */
const lookUp = async (
  transaction: Transaction,
  tables: HistoryTables,
  { topic, readable, folds }: Part,
): Promise<Answers> => {
  if (readable.length === 0) return { existing: new Map(), loaded: [] }
  const [existing, ...loaded] = await Promise.all([
    tables.findExisting(
      transaction,
      topic,
      readable.map(({ eventId }) => eventId),
    ),
    ...folds.map(({ projection, table, cache }) => {
      const missing = new Set<string>()
      for (const { record } of readable) {
        const key = projection.key(record)
        if (cache.get(key) === undefined) missing.add(key)
      }
      return table.load(transaction, [...missing])
    }),
  ])
  return { existing, loaded }
}

/** Sorts out what is already there; what remains is new and in order. */
const sift = (
  { topic, readable }: Part,
  existing: ReadonlyMap<string, string>,
  setAside: SetAside,
): ReadonlyArray<NewEvidence> => {
  const kept = new Map<string, string | Buffer>(existing)
  return readable.filter(({ message, eventId }) => {
    const value = message.value as Buffer
    const earlier = kept.get(eventId)
    if (earlier === undefined) {
      kept.set(eventId, value)
      return true
    }
    if (typeof earlier === "string" ? value.equals(Buffer.from(earlier, "utf8")) : value.equals(earlier))
      setAside.duplicate(message, eventId)
    else setAside.deadLetter(message, `${topic.id} ${eventId} is already kept with other content`)
    return false
  })
}

/** The rows of one projection that a batch has changed. */
export interface Touched {
  readonly fold: Fold
  readonly rows: ReadonlyMap<string, StoredRow>
}

/** Folds the new records into the projection's rows, and lists those that changed with the version they came from. */
const project = (
  fold: Fold,
  fresh: ReadonlyArray<NewEvidence>,
  loaded: ReadonlyMap<string, StoredRow>,
): Touched & { readonly changes: ReadonlyArray<ChangedRow> } => {
  const { projection, cache } = fold
  const rows = new Map<string, StoredRow>()
  for (const { message, record } of fresh) {
    const key = projection.key(record)
    const before = rows.get(key) ?? cache.get(key) ?? loaded.get(key) ?? null
    const after = projection.evolve(before?.row ?? null, record)
    if (after !== null && after !== before?.row)
      rows.set(key, { row: after, partition: message.partition, offset: message.offset })
  }
  const changes = Array.from(rows, ([key, after]) => ({
    key,
    before: cache.get(key) ?? loaded.get(key) ?? null,
    after,
  }))
  return { fold, rows, changes }
}

/** The checkpoints after the batch. */
const advance = (
  before: ReadonlyMap<string, Checkpoint>,
  partitions: ByPartition,
  accepted: ByPartition,
  setAside: SetAside,
  now_ms: number,
): ReadonlyArray<Checkpoint> =>
  Array.from(partitions, ([name, messages]) => {
    const from = before.get(name) as Checkpoint
    const last = messages.at(-1) as ReadMessage
    return {
      ...from,
      nextOffset: last.offset + 1,
      last: { offset: last.offset, leafHash: last.leafHash },
      log: append(
        from.log,
        (accepted.get(name) ?? []).map((message) => message.leafHash),
      ),
      duplicates: from.duplicates + setAside.duplicatesOf(name),
      deadLetters: from.deadLetters + setAside.deadLettersOf(name),
      updatedAtMs: now_ms,
    }
  })
