import { recordDecoder } from "@landfall/domain/codec"
import type { Position } from "@landfall/domain/position"
import type { AnyTopic } from "@landfall/domain/registry"
import { foldInto, type Rows } from "@landfall/projections/fold"
import type { AnyProjection } from "@landfall/projections/registry"
import { type Checkpoint, partitionName, readCheckpoints } from "../history/checkpoint.ts"
import { requireRecorded } from "../history/require-recorded.ts"
import { type KafkaLog, kafkaLogs } from "../history/resume.ts"
import { holdSnapshots, openSnapshotTable } from "../history/snapshot-table.ts"
import { requireSnapshotVersions } from "../history/snapshot-versions.ts"
import type { Admin } from "../kafka/admin.ts"
import type { KafkaConnection } from "../kafka/configuration.ts"
import { openConsumer } from "../kafka/consumer.ts"
import type { Database } from "../postgres/transaction.ts"

/** Rows of each projection, by its name, and how far they have read. */
export interface LoadedState {
  readonly rows: ReadonlyMap<string, Rows<unknown>>
  readonly position: Position
}

export interface LoadStateOptions {
  readonly projections: ReadonlyArray<AnyProjection>
  readonly database: Database
  readonly kafka: KafkaConnection
  readonly admin: Admin
  /** How long the tail may take before the attempt is given up. */
  readonly deadlineMs?: number
}

const portionMessagesMax = 1_000
const queuedBytesMax = 16 * 1024 * 1024

/**
 * The state of projections up to the end of their topics: the snapshots in PostgreSQL, and the tail that Kafka has beyond
 * them, committed transactions only. Who publishes to those topics decides nothing before this has resolved.
 */
export const loadState = async (options: LoadStateOptions): Promise<LoadedState> => {
  const { projections, database, admin } = options
  const topics = [...new Set(projections.map((projection) => projection.topic as AnyTopic))]
  const { rows, checkpoints } = await readSnapshots(database, projections)
  const described = await admin.describe(topics.map((topic) => topic.name))
  const partitions = described.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  await requireRecorded(
    options,
    partitions.flatMap((at) => checkpoints.get(partitionName(at)) ?? []),
  )
  const logs = await kafkaLogs(admin, partitions)
  const next = new Map<string, number>()
  for (const at of partitions) {
    const name = partitionName(at)
    const log = logs.get(name) as KafkaLog
    const checkpoint = checkpoints.get(name)
    next.set(name, checkpoint?.nextOffset ?? log.earliest)
  }
  const behind = partitions.filter(
    (at) => (next.get(partitionName(at)) ?? 0) < (logs.get(partitionName(at))?.end ?? 0),
  )
  if (behind.length > 0) await readTail(options, topics, behind, logs, next, rows)
  const position: Record<string, Record<string, number>> = {}
  for (const { topic, partition } of partitions) {
    position[topic] ??= {}
    position[topic][String(partition)] = next.get(partitionName({ topic, partition })) ?? 0
  }
  return { rows, position }
}

/** Snapshots and checkpoints as of one instant. */
const readSnapshots = (
  database: Database,
  projections: ReadonlyArray<AnyProjection>,
): Promise<{ rows: Map<string, Rows<unknown>>; checkpoints: ReadonlyMap<string, Checkpoint> }> =>
  database.transaction(
    async (transaction) => {
      await holdSnapshots(transaction, projections)
      await requireSnapshotVersions(transaction, projections)
      const checkpoints = new Map(
        (await readCheckpoints(transaction)).map((checkpoint) => [partitionName(checkpoint), checkpoint]),
      )
      const rows = new Map<string, Rows<unknown>>()
      for (const projection of projections) {
        const stored = await openSnapshotTable(projection).loadAll(transaction)
        rows.set(projection.name, new Map(Array.from(stored, ([key, { row }]) => [key, row])))
      }
      return { rows, checkpoints }
    },
    { mode: "repeatable read read only" },
  )

/** Folds what Kafka has beyond the snapshots. `next` and `rows` are moved forward in place. */
const readTail = async (
  options: LoadStateOptions,
  topics: ReadonlyArray<AnyTopic>,
  behind: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
  logs: ReadonlyMap<string, KafkaLog>,
  next: Map<string, number>,
  rows: ReadonlyMap<string, Rows<unknown>>,
): Promise<void> => {
  const decoders = new Map(topics.map((topic) => [topic.name, recordDecoder(topic)]))
  const deadline = performance.now() + (options.deadlineMs ?? 120_000)
  const consumer = await openConsumer(options.kafka, { group: null, waitMs: 20, queuedBytesMax })
  try {
    consumer.assign(behind.map((at) => ({ ...at, offset: next.get(partitionName(at)) ?? 0 })))
    const remaining = new Set(behind)
    while (remaining.size > 0) {
      for (const message of await consumer.consume(portionMessagesMax)) {
        next.set(partitionName(message), message.offset + 1)
        const decoded = decoders.get(message.topic)?.(message.value)
        if (decoded?.ok !== true) continue // the history writer keeps it as a dead letter; it changes no row
        for (const projection of options.projections)
          if (projection.topic.name === message.topic)
            foldInto(projection, rows.get(projection.name) as Rows<unknown>, [decoded.record])
      }
      for (const at of remaining) {
        const { end } = logs.get(partitionName(at)) as KafkaLog
        const reached = consumer.endOf(at.topic, at.partition)?.reached ?? 0
        if ((next.get(partitionName(at)) ?? 0) >= end || reached >= end) remaining.delete(at)
      }
      if (performance.now() > deadline)
        throw new Error(
          `the end of ${[...remaining].map(partitionName).join(", ")} was not reached in time; an open transaction may hold it back`,
        )
    }
  } finally {
    await consumer.close()
  }
}
