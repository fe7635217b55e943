import { recordDecoder, toJson } from "@landfall/domain/codec"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { foldInto, type Rows } from "@landfall/projections/fold"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { readRetried } from "../dead-letters/retried.ts"
import { verifyActs } from "../dead-letters/verify-acts.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { leafHash } from "../transparency-log/leaf.ts"
import { append, emptyLog, type MerkleLog, root } from "../transparency-log/merkle-log.ts"
import { type Checkpoint, partitionName, readCheckpoints } from "./checkpoint.ts"
import { openSnapshotTable } from "./snapshot-table.ts"

/** What was held against what, and every difference. */
export interface Verification {
  /** Evidence rows read. */
  readonly evidence: number
  /** Rows of all snapshots. */
  readonly rows: number
  /** Acts on dead letters. */
  readonly acts: number
  /** One line each; empty when the record is intact. */
  readonly differences: ReadonlyArray<string>
}

/** Rows read at once: a bound on memory, whatever the table holds. */
const pageRows = 5_000
/** A record that is broken throughout need not be listed throughout. */
const differencesMax = 100

/**
 * Reads all evidence as of one instant and makes everything again that follows from it: each leaf hash from the stored
 * message, each partition's Merkle root, each projection's rows by a fold from nothing. Holds them against the stored leaf
 * hashes, the checkpoints and the live snapshots, and acts on dead letters against their letters. Changes nothing.
 */
export const verifyRecord = (database: Database, deadlineMs = 3_600_000): Promise<Verification> =>
  database.transaction(
    async (transaction) => {
      const differences: string[] = []
      const report = (line: string): void => {
        if (differences.length < differencesMax) differences.push(line)
      }
      const checkpoints = await readCheckpoints(transaction)
      let evidence = 0
      let rows = 0
      for (const topic of topics) {
        const ofTopic = checkpoints.filter((checkpoint) => checkpoint.topic === topic.name)
        const replayed = await replayTopic(transaction, topic, ofTopic, report)
        evidence += replayed.evidence
        for (const [projection, made] of replayed.rows)
          rows += await compareRows(transaction, projection, made, report)
      }
      const acts = await verifyActs(transaction, checkpoints, report)
      return { evidence, rows, acts, differences }
    },
    { mode: "repeatable read read only", deadlineMs },
  )

interface EvidenceRow {
  readonly topic_partition: number
  readonly kafka_offset: string
  readonly leader_epoch: number
  readonly kafka_timestamp_ms: string
  readonly message_key: Buffer | null
  readonly message_headers: Buffer | null
  readonly payload: string
  readonly leaf_hash: Buffer
}

const replayTopic = async (
  transaction: Transaction,
  topic: AnyTopic,
  checkpoints: ReadonlyArray<Checkpoint>,
  report: (line: string) => void,
) => {
  const decode = recordDecoder(topic)
  const made = new Map<AnyProjection, Rows<unknown>>(
    projections.filter((one) => one.topic.name === topic.name).map((one) => [one, new Map()]),
  )
  let evidence = 0
  for (const checkpoint of checkpoints) {
    let log: MerkleLog = emptyLog
    const take = (payload: string, at: string): void => {
      const decoded = decode(Buffer.from(payload, "utf8"))
      if (!decoded.ok) report(`${at}: ${decoded.reason}`)
      else for (const [projection, rows] of made) foldInto(projection, rows, [decoded.record])
    }
    // Letters that were retried have no leaf in the log, but their place among its events.
    const letters = readRetried(transaction, topic, { partition: checkpoint.partition })
    let letter = await letters.next()
    const isNext = (before: number): boolean =>
      letter.done !== true && Number(letter.value.kafka_offset) < before
    const takeLetters = async (before: number): Promise<void> => {
      for (; !letter.done && isNext(before); letter = await letters.next())
        take(letter.value.payload, `dead_letters ${partitionName(checkpoint)}/${letter.value.kafka_offset}`)
    }
    for await (const page of pagesOf(transaction, topic, checkpoint.partition)) {
      evidence += page.length
      const leaves = page.map((row) => {
        const leaf = leafOf(row, checkpoint.topicId)
        if (!leaf.equals(row.leaf_hash))
          report(
            `${topic.evidenceTable} ${row.topic_partition}/${row.kafka_offset}: the row does not fit its leaf hash`,
          )
        return leaf
      })
      log = append(log, leaves)
      for (const row of page) {
        if (isNext(Number(row.kafka_offset))) await takeLetters(Number(row.kafka_offset))
        take(row.payload, `${topic.evidenceTable} ${row.topic_partition}/${row.kafka_offset}`)
      }
    }
    await takeLetters(Number.POSITIVE_INFINITY)
    if (log.size !== checkpoint.log.size || !root(log).equals(root(checkpoint.log)))
      report(
        `${partitionName(checkpoint)}: the rows make a log of ${log.size} leaves with root ${root(log).toString("hex")}, the checkpoint has ${checkpoint.log.size} with root ${root(checkpoint.log).toString("hex")}`,
      )
  }
  return { evidence, rows: made }
}

const leafOf = (row: EvidenceRow, topicId: Buffer): Buffer =>
  leafHash({
    topicId,
    partition: row.topic_partition,
    offset: Number(row.kafka_offset),
    leaderEpoch: row.leader_epoch,
    timestampMs: Number(row.kafka_timestamp_ms),
    key: row.message_key,
    headers: row.message_headers,
    value: Buffer.from(row.payload, "utf8"),
  })

async function* pagesOf(
  transaction: Transaction,
  topic: AnyTopic,
  partition: number,
): AsyncGenerator<ReadonlyArray<EvidenceRow>> {
  let after = -1
  for (;;) {
    const page = await transaction.query<EvidenceRow>(
      `select topic_partition, kafka_offset, leader_epoch, kafka_timestamp_ms, message_key, message_headers, payload, leaf_hash
       from ${topic.evidenceTable} where topic_partition = $1 and kafka_offset > $2 order by kafka_offset limit $3`,
      [partition, after, pageRows],
    )
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = Number(last.kafka_offset)
  }
}

/** Holds the rows made anew against the live snapshot, row by row; returns how many were compared. */
const compareRows = async (
  transaction: Transaction,
  projection: AnyProjection,
  made: Rows<unknown>,
  report: (line: string) => void,
): Promise<number> => {
  const live = await openSnapshotTable(projection).loadAll(transaction)
  for (const key of new Set([...live.keys(), ...made.keys()])) {
    const [shown, expected] = [canonical(live.get(key)?.row), canonical(made.get(key))]
    if (shown !== expected)
      report(`${projection.name} ${key}: the snapshot has ${shown}, the evidence makes ${expected}`)
  }
  return made.size
}

/** JSON with the fields in one order: a row from the table and one from the fold may list them differently. */
const canonical = (row: unknown): string =>
  row === undefined ? "nothing" : JSON.stringify(sorted(JSON.parse(toJson(row))))

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, item]) => [name, sorted(item)]),
  )
}
