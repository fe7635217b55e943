import type { AnyTopic } from "@landfall/domain/registry"
import type { AnyProjection } from "@landfall/projections/registry"
import type { ConsumedMessage } from "../kafka/consumer.ts"
import { type Checkpoint, partitionName } from "./checkpoint.ts"
import { openSession, type Session } from "./ingest.ts"
import type { MessageReader, ReadMessage } from "./read-message.ts"
import { LogBroken, type Resumed } from "./resume.ts"
import { type HistoryTables, sqlTables } from "./tables.ts"

/** Partitions under way: the session, and the last messages that must be met again before anything is written. */
export interface Assignment {
  readonly session: Session
  readonly overlap: Map<string, { readonly offset: number; readonly leafHash: Buffer }>
  /** The offset after the last message given to us, by partition: what lies between it and the checkpoint is under way. */
  readonly delivered: Map<string, number>
  /** Read and decoded, waiting for PostgreSQL. */
  readonly gathered: ReadMessage[]
  gatheredBytes: number
  /** Where each partition stood when it was last looked at. */
  readonly seen: Map<string, number>
}

/** Partitions that are to be read on from their checkpoints. */
export const openAssignment = (
  { partitions, standings }: Resumed,
  topics: ReadonlyArray<AnyTopic>,
  projections: ReadonlyArray<AnyProjection>,
  cachedRowsMax: number,
  tables: HistoryTables = sqlTables,
): Assignment => {
  const overlap = new Map<string, { offset: number; leafHash: Buffer }>()
  for (const { checkpoint, from } of partitions)
    if (checkpoint.last !== null && from.offset === checkpoint.last.offset)
      overlap.set(partitionName(checkpoint), checkpoint.last)
  const checkpoints = partitions.map(({ checkpoint }) => checkpoint)
  return {
    session: openSession(checkpoints, topics, cachedRowsMax, { standings, projections, tables }),
    overlap,
    delivered: new Map(),
    gathered: [],
    gatheredBytes: 0,
    seen: new Map(),
  }
}

/** Decodes and hashes; leaves out what was written before and holds the overlap against what is kept. */
export const gather = (
  assignment: Assignment,
  readers: ReadonlyMap<string, MessageReader>,
  messages: ReadonlyArray<ConsumedMessage>,
): void => {
  const { checkpoints } = assignment.session
  let [name, topic, partition] = ["", "", -1]
  let checkpoint: Checkpoint | undefined
  let reader: MessageReader | undefined
  for (const message of messages) {
    // They come in runs of one partition.
    if (message.partition !== partition || message.topic !== topic) {
      ;({ topic, partition } = message)
      name = partitionName(message)
      checkpoint = checkpoints.get(name)
      reader = readers.get(topic)
    }
    if (checkpoint === undefined || reader === undefined) continue
    const read = reader(message, checkpoint.topicId)
    if (isOverlap(assignment, name, read)) continue
    const delivered = assignment.delivered.get(name) ?? checkpoint.nextOffset
    if (message.offset < delivered) continue
    assignment.delivered.set(name, message.offset + 1)
    assignment.gathered.push(read)
    assignment.gatheredBytes += bytesOf(read)
  }
}

/** Takes up to so many of the gathered messages, the oldest first. */
export const takeBatch = (assignment: Assignment, messagesMax: number): ReadonlyArray<ReadMessage> => {
  const batch = assignment.gathered.splice(0, messagesMax)
  for (const message of batch) assignment.gatheredBytes -= bytesOf(message)
  return batch
}

/** How far a partition has been read, and whether that is further than at the look before; `told` is the end it was told of. */
export const look = (assignment: Assignment, checkpoint: Checkpoint, told: number) => {
  const name = partitionName(checkpoint)
  const position = Math.max(assignment.delivered.get(name) ?? 0, checkpoint.nextOffset, told)
  const moved = assignment.seen.get(name) !== position
  assignment.seen.set(name, position)
  return { name, position, moved }
}

const isOverlap = (assignment: Assignment, name: string, message: ReadMessage): boolean => {
  const expected = assignment.overlap.get(name)
  if (expected === undefined) return false
  if (message.offset !== expected.offset || !message.leafHash.equals(expected.leafHash))
    throw new LogBroken(
      `${name}: the message at offset ${expected.offset} is not the one that was read before (found offset ${message.offset}, leaf ${message.leafHash.toString("hex")}, expected ${expected.leafHash.toString("hex")}): the log was truncated and written anew; see docs/runbook/log-broken.md; nothing was skipped and nothing was written`,
    )
  assignment.overlap.delete(name)
  return true
}

const bytesOf = ({ key, headers, value }: ReadMessage): number =>
  (key?.length ?? 0) + (headers?.length ?? 0) + (value?.length ?? 0)
