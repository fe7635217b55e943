import type { Admin, PartitionBounds } from "../kafka/admin.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { type Checkpoint, partitionName } from "./checkpoint.ts"
import type { SnapshotStandings } from "./snapshot-versions.ts"
import { type HistoryTables, sqlTables } from "./tables.ts"

/** The log in Kafka is not the one that was read: going on would skip or mix events, so the writer stops. */
export class LogBroken extends Error {
  override readonly name = "LogBroken"
}

interface Partition {
  readonly topic: string
  readonly partition: number
}

/** The log as Kafka has it now. */
export interface KafkaLog extends PartitionBounds {
  /** 16 bytes. */
  readonly topicId: Buffer
}

/** Where to read from, and the message that must be found there: the last one that was read before. */
export interface ResumePoint extends Partition {
  readonly offset: number
}

/** All that a session begins with. */
export interface Resumed {
  readonly partitions: ReadonlyArray<{ readonly checkpoint: Checkpoint; readonly from: ResumePoint }>
  readonly standings: SnapshotStandings
}

/** Asks Kafka for the identity and bounds of the partitions' logs. */
export const kafkaLogs = async (
  admin: Admin,
  partitions: ReadonlyArray<Partition>,
): Promise<ReadonlyMap<string, KafkaLog>> => {
  const topics = await admin.describe([...new Set(partitions.map(({ topic }) => topic))])
  const ids = new Map(topics.map((topic) => [topic.name, topic.topicId]))
  const bounds = await admin.bounds(partitions)
  return new Map(
    partitions.map((at, index) => [
      partitionName(at),
      { topicId: ids.get(at.topic) as Buffer, ...(bounds[index] as PartitionBounds) },
    ]),
  )
}

const advice = "see docs/runbook/log-broken.md; nothing was skipped and nothing was written"

/** Throws when the checkpoint cannot be continued in the log that Kafka has now. */
export const requireContinuable = (checkpoint: Checkpoint, log: KafkaLog): void => {
  const name = partitionName(checkpoint)
  requireSameTopic(checkpoint, log.topicId)
  if (checkpoint.nextOffset < log.earliest)
    throw new LogBroken(
      `${name}: Kafka no longer holds offset ${checkpoint.nextOffset}, which is next; its log begins at ${log.earliest}; ${advice}`,
    )
  if (checkpoint.nextOffset > log.end)
    throw new LogBroken(
      `${name} was truncated: it ends at offset ${log.end}, but everything before ${checkpoint.nextOffset} was read; ${advice}`,
    )
}

/**
 * Throws when a topic of the batch is not the one that its checkpoint speaks of. librdkafka reads on at the same offset
 * in a topic that was deleted and created again (rdkafka_topic.c admits it), so whoever asks after the last message was read
 * knows that none of them came from a successor: an id never comes back.
 */
export const requireSameTopics = async (
  admin: Admin,
  checkpoints: ReadonlyMap<string, Checkpoint>,
  batch: ReadonlyArray<{ readonly topic: { readonly name: string }; readonly partition: number }>,
): Promise<void> => {
  const read = new Map<string, Checkpoint>()
  for (const { topic, partition } of batch) {
    const checkpoint = checkpoints.get(partitionName({ topic: topic.name, partition }))
    if (checkpoint !== undefined) read.set(topic.name, checkpoint)
  }
  for (const { name, topicId } of await admin.describe([...read.keys()])) {
    const checkpoint = read.get(name)
    if (checkpoint !== undefined) requireSameTopic(checkpoint, topicId)
  }
}

const requireSameTopic = (checkpoint: Checkpoint, topicId: Buffer): void => {
  if (!checkpoint.topicId.equals(topicId))
    throw new LogBroken(
      `${partitionName(checkpoint)} was recreated: its topic id is ${topicId.toString("hex")}, the evidence up to offset ${checkpoint.nextOffset} is of ${checkpoint.topicId.toString("hex")}; ${advice}`,
    )
}

/**
 * The partitions' checkpoints, made where there are none, after a look at Kafka's logs. Waits for any transaction that
 * still holds them, so a COMMIT whose answer was lost is seen here. The snapshots' standings are of that same moment.
 */
export const resume = async (
  database: Database,
  admin: Admin,
  partitions: ReadonlyArray<Partition>,
  now_ms: number,
  tables: HistoryTables = sqlTables,
): Promise<Resumed> => {
  const before = await kafkaLogs(admin, partitions)
  const lockAll = async (transaction: Transaction): Promise<ReadonlyMap<string, Checkpoint>> => {
    await tables.endSilentHolders(transaction)
    // Who does not get them soon looks again for holders that have fallen silent.
    await transaction.script("set local lock_timeout = '5s'")
    const found = await tables.lockCheckpoints(transaction, partitions)
    if (found.size === partitions.length) return found
    for (const at of partitions) {
      const { topicId, earliest } = before.get(partitionName(at)) as KafkaLog
      if (!found.has(partitionName(at)))
        await tables.createCheckpoint(transaction, { ...at, topicId, firstOffset: earliest }, now_ms)
    }
    return tables.lockCheckpoints(transaction, partitions)
  }
  const [checkpoints, standings] = await database.transaction(async (transaction) => {
    const locked = await lockAll(transaction)
    return [locked, await tables.readStandings(transaction)] as const
  })
  // Asked again: whoever had the partitions may have written more while we waited, beyond the end that was told before.
  const logs = await kafkaLogs(admin, partitions)
  const resumed = partitions.map((at) => {
    const name = partitionName(at)
    const checkpoint = checkpoints.get(name) as Checkpoint
    const log = logs.get(name) as KafkaLog
    requireContinuable(checkpoint, log)
    return { checkpoint, from: { ...at, offset: startingOffset(checkpoint, log) } }
  })
  return { partitions: resumed, standings }
}

/** The last message read, where Kafka still has it: it is read again to see that the log is still the same. */
const startingOffset = (checkpoint: Checkpoint, log: KafkaLog): number =>
  checkpoint.last !== null && checkpoint.last.offset >= log.earliest
    ? checkpoint.last.offset
    : checkpoint.nextOffset
