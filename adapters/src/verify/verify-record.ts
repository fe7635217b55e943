import { topics } from "@landfall/domain/registry"
import { type Checkpoint, partitionName, readCheckpoints } from "../history/checkpoint.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import type { TopicSource } from "../replay/read-topic.ts"
import { root } from "../transparency-log/merkle-log.ts"
import { actsLog } from "../transparency-log/origin.ts"
import type { AttestedHead } from "./attested.ts"
import { orDamage } from "./damage.ts"
import { type Difference, Findings, type OffsetRange } from "./findings.ts"
import type { Gap } from "./gaps.ts"
import { openTopicCopy, type TopicCopy } from "./topic-copy.ts"
import { verifyActs } from "./verify-acts.ts"
import { emptyFolds, type PartitionCounts, verifyPartition } from "./verify-partition.ts"
import { liveVersions, type VerifiedState, verifySnapshot } from "./verify-snapshots.ts"

/** A log as its rows make it. */
export interface VerifiedLog {
  /** `<topic>/<partition>`, or `dead_letter_acts`. */
  readonly log: string
  readonly size: number
  readonly root: Buffer
  /** The first offset that was not read; of the acts, the next one's number. */
  readonly next: number
  /** The recorded offsets `[from, to)` that Kafka still holds and that were compared; null when none were. */
  readonly compared: Gap | null
}

/** What was held against what, and everything that differs. */
export interface Verification {
  /** Rows of the evidence tables, and beside them. */
  readonly evidence: number
  readonly deadLetters: number
  readonly duplicates: number
  /** Rows of all snapshots, as the evidence makes them. */
  readonly rows: number
  /** Empty when the record is intact; the first of `differenceCount`. */
  readonly differences: ReadonlyArray<Difference>
  readonly differenceCount: number
  /** Offsets of which nothing is recorded and which Kafka does not explain; the first of `gapCount`. */
  readonly gaps: ReadonlyArray<OffsetRange>
  readonly gapCount: number
  readonly gapOffsets: number
  /** What could not be checked, and why. */
  readonly notes: ReadonlyArray<string>
  readonly logs: ReadonlyArray<VerifiedLog>
  readonly states: ReadonlyArray<VerifiedState>
}

/** A further check in the same transaction, such as the alerts' against their re-evaluation. */
export type FurtherCheck = (transaction: Transaction, findings: Findings, made: Verification) => Promise<void>

export interface VerifyOptions {
  readonly deadlineMs?: number
  /** Where the topics are; left out, the evidence is not held against them. */
  readonly kafka?: TopicSource
  /** What was attested of each log, by its name. */
  readonly attested?: ReadonlyMap<string, ReadonlyArray<AttestedHead>>
  readonly further?: ReadonlyArray<FurtherCheck>
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

const hoursMs = 3_600_000

/**
 * Reads all evidence as of one instant and makes everything again that follows from it: each leaf hash and typed column from
 * the stored message, each Merkle root, each projection's rows by a fold from nothing. Holds them against the stored leaf
 * hashes, the checkpoints, what was attested, the live snapshots, and Kafka's topics where it still has them. Changes nothing.
 */
export const verifyRecord = (database: Database, options: VerifyOptions = {}): Promise<Verification> =>
  orDamage(database, () =>
    database.transaction((transaction) => verifyIn(transaction, options), {
      mode: "repeatable read read only",
      deadlineMs: options.deadlineMs ?? 6 * hoursMs,
    }),
  )

/** The same inside a transaction, which must be `repeatable read`. */
export const verifyIn = async (
  transaction: Transaction,
  options: VerifyOptions = {},
): Promise<Verification> => {
  const findings = new Findings()
  const checkpoints = await readCheckpoints(transaction)
  const attested = new Map(options.attested)
  const headsOf = (log: string): ReadonlyArray<AttestedHead> => {
    const heads = attested.get(log) ?? []
    attested.delete(log)
    return heads
  }
  await checkStoredRoots(transaction, findings, checkpoints)
  const sum = { evidence: 0, deadLetters: 0, duplicates: 0, rows: 0 }
  const total = checkpoints.reduce(
    (rows, { log, deadLetters, duplicates }) => rows + log.size + deadLetters + duplicates,
    0,
  )
  let done = 0
  const onRows = (rows: number): void => {
    options.signal?.throwIfAborted()
    done += rows
    options.onProgress?.(done, total)
  }
  const versions = await liveVersions(transaction)
  const logs: VerifiedLog[] = []
  const states: VerifiedState[] = []
  for (const topic of topics) {
    const folds = emptyFolds(topic)
    for (const checkpoint of checkpoints.filter((one) => one.topic === topic.name)) {
      const name = partitionName(checkpoint)
      const copy = await copyOf(options, findings, checkpoint)
      try {
        const work = { transaction, findings, topic, checkpoint, folds, copy, onRows }
        const counts: PartitionCounts = await verifyPartition({ ...work, attested: headsOf(name) })
        sum.evidence += counts.evidence
        sum.deadLetters += counts.deadLetters
        sum.duplicates += counts.duplicates
      } finally {
        await copy?.close()
      }
      const { log, nextOffset: next } = checkpoint
      logs.push({ log: name, size: log.size, root: root(log), next, compared: copy?.held ?? null })
    }
    for (const [projection, made] of folds) {
      const state = await verifySnapshot(
        transaction,
        findings,
        projection,
        made,
        versions.get(projection.name),
      )
      states.push(state)
      sum.rows += state.rows
    }
  }
  const acts = await verifyActs(transaction, findings, headsOf(actsLog))
  logs.push({ log: actsLog, size: acts.size, root: root(acts), next: acts.size + 1, compared: null })
  for (const [log, [head]] of attested)
    findings.difference(
      "attestation",
      log,
      `${head?.size} leaves were attested at ${head?.at}, and there is no such log`,
    )
  for (const { topic } of checkpoints.filter((one) => !topics.some(({ name }) => name === one.topic)))
    findings.note(`${topic} was not checked: this program does not know the topic`)
  const { differences, differenceCount, gaps, gapCount, gapOffsets, notes } = findings
  const made = { ...sum, differences, differenceCount, gaps, gapCount, gapOffsets, notes, logs, states }
  for (const check of options.further ?? []) await check(transaction, findings, made)
  return { ...made, differenceCount: findings.differenceCount }
}

/** The root that stands beside the right edge must be the edge's own. */
const checkStoredRoots = async (
  transaction: Transaction,
  findings: Findings,
  checkpoints: ReadonlyArray<Checkpoint>,
): Promise<void> => {
  const rows = await transaction.query<{ topic: string; topic_partition: number; log_root: Buffer }>(
    "select topic, topic_partition, log_root from checkpoints",
  )
  const stored = new Map(
    rows.map((row) => [partitionName({ topic: row.topic, partition: row.topic_partition }), row.log_root]),
  )
  for (const checkpoint of checkpoints) {
    const name = partitionName(checkpoint)
    if (stored.get(name)?.equals(root(checkpoint.log)) !== true)
      findings.difference(
        "log",
        name,
        "the checkpoint's root is not that of its right edge: one of them was changed",
      )
  }
}

const copyOf = async (
  { kafka, signal }: VerifyOptions,
  findings: Findings,
  checkpoint: Checkpoint,
): Promise<TopicCopy | null> => {
  if (kafka === undefined) return null
  const opened = await openTopicCopy(kafka, checkpoint, signal)
  const name = partitionName(checkpoint)
  const { firstOffset, nextOffset } = checkpoint
  if (opened.copy === null) findings.note(`${name} was not compared with Kafka: ${opened.reason}`)
  else {
    const { from, to } = opened.copy.held
    if (from > firstOffset || to < nextOffset)
      findings.note(
        `${name}: of the recorded offsets ${firstOffset} to ${nextOffset - 1} Kafka still holds ${from === to ? "none" : `${from} to ${to - 1}`}; the others are checked by their Merkle log alone`,
      )
  }
  return opened.copy
}
