import { arrayLiteral, byteaLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { decodeLog, emptyLog, encodeEdge, type MerkleLog, root } from "../transparency-log/merkle-log.ts"

/** How far one partition has been read, and its Merkle log there: the truth about where to go on. */
export interface Checkpoint {
  readonly topic: string
  readonly partition: number
  /** 16 bytes. */
  readonly topicId: Buffer
  readonly firstOffset: number
  readonly nextOffset: number
  /** The last message read and its leaf hash; null before the first. */
  readonly last: { readonly offset: number; readonly leafHash: Buffer } | null
  readonly log: MerkleLog
  readonly duplicates: number
  readonly deadLetters: number
  readonly updatedAtMs: number
}

/** The partition's checkpoint is not where this writer left it: another writer has taken over. */
export class CheckpointMoved extends Error {
  override readonly name = "CheckpointMoved"
}

interface CheckpointRow {
  readonly topic: string
  readonly topic_partition: number
  readonly topic_id: string
  readonly first_offset: string
  readonly next_offset: string
  readonly last_offset: string | null
  readonly last_leaf_hash: Buffer | null
  readonly log_size: string
  readonly log_right_edge: Buffer
  readonly duplicates: string
  readonly dead_letters: string
  readonly updated_at_ms: string
}

const columns = `topic, topic_partition, topic_id::text, first_offset, next_offset, last_offset, last_leaf_hash, log_size,
  log_right_edge, duplicates, dead_letters, (extract(epoch from updated_at) * 1000)::bigint as updated_at_ms`

const fromRow = (row: CheckpointRow): Checkpoint => ({
  topic: row.topic,
  partition: row.topic_partition,
  topicId: Buffer.from(row.topic_id.replaceAll("-", ""), "hex"),
  firstOffset: Number(row.first_offset),
  nextOffset: Number(row.next_offset),
  last:
    row.last_offset === null || row.last_leaf_hash === null
      ? null
      : { offset: Number(row.last_offset), leafHash: row.last_leaf_hash },
  log: decodeLog(Number(row.log_size), row.log_right_edge),
  duplicates: Number(row.duplicates),
  deadLetters: Number(row.dead_letters),
  updatedAtMs: Number(row.updated_at_ms),
})

/** A partition's name in maps and messages. */
export const partitionName = (at: { readonly topic: string; readonly partition: number }): string =>
  `${at.topic}/${at.partition}`

/** Every checkpoint there is, or those of one topic. */
export const readCheckpoints = async (
  transaction: Transaction,
  topic: string | null = null,
): Promise<ReadonlyArray<Checkpoint>> =>
  (
    await transaction.query<CheckpointRow>(
      `select ${columns} from checkpoints where $1::text is null or topic = $1 order by topic, topic_partition`,
      [topic],
    )
  ).map(fromRow)

/**
 * Locks the partitions' checkpoints and returns them. Waits for a transaction whose COMMIT may still be under way, so what
 * it returns is final.
 */
export const lockCheckpoints = async (
  transaction: Transaction,
  partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
): Promise<ReadonlyMap<string, Checkpoint>> => {
  const rows = await transaction.query<CheckpointRow>(
    `select ${columns} from checkpoints
     where (topic, topic_partition) in (select * from unnest($1::text[], $2::integer[]))
     order by topic, topic_partition for update`,
    [arrayLiteral(partitions.map((at) => at.topic)), arrayLiteral(partitions.map((at) => at.partition))],
  )
  return new Map(rows.map(fromRow).map((checkpoint) => [partitionName(checkpoint), checkpoint]))
}

/** Writes the checkpoint of a partition that is read for the first time; leaves one that is there. */
export const createCheckpoint = async (
  transaction: Transaction,
  fresh: {
    readonly topic: string
    readonly partition: number
    readonly topicId: Buffer
    readonly firstOffset: number
  },
  now_ms: number,
): Promise<void> => {
  await transaction.query(
    `insert into checkpoints (topic, topic_partition, topic_id, first_offset, next_offset, log_size, log_root, log_right_edge, updated_at)
     values ($1, $2, $3::text::uuid, $4, $4, 0, $5::text::bytea, '', to_timestamp($6::double precision / 1000))
     on conflict do nothing`,
    [
      fresh.topic,
      fresh.partition,
      fresh.topicId.toString("hex"),
      fresh.firstOffset,
      byteaLiteral(root(emptyLog)),
      now_ms,
    ],
  )
}

/** Moves each checkpoint from where it was to where it is now; throws unless every one was still there. */
export const moveCheckpoints = async (
  transaction: Transaction,
  moves: ReadonlyArray<{ readonly from: Checkpoint; readonly to: Checkpoint }>,
): Promise<void> => {
  const list = (of: (move: { from: Checkpoint; to: Checkpoint }) => string | number): string =>
    arrayLiteral(moves.map(of))
  const { count } = await transaction.query(
    `update checkpoints set next_offset = moved.next_offset, last_offset = moved.last_offset,
       last_leaf_hash = moved.last_leaf_hash, log_size = moved.log_size, log_root = moved.log_root,
       log_right_edge = moved.log_right_edge, duplicates = moved.duplicates, dead_letters = moved.dead_letters,
       updated_at = to_timestamp(moved.updated_at_ms::double precision / 1000)
     from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bigint[],
       $9::bytea[], $10::bytea[], $11::bigint[], $12::bigint[], $13::bigint[])
       as moved (topic, topic_partition, from_offset, from_size, next_offset, last_offset, last_leaf_hash, log_size,
         log_root, log_right_edge, duplicates, dead_letters, updated_at_ms)
     where checkpoints.topic = moved.topic and checkpoints.topic_partition = moved.topic_partition
       and checkpoints.next_offset = moved.from_offset and checkpoints.log_size = moved.from_size`,
    [
      list(({ to }) => to.topic),
      list(({ to }) => to.partition),
      list(({ from }) => from.nextOffset),
      list(({ from }) => from.log.size),
      list(({ to }) => to.nextOffset),
      list(({ to }) => to.last?.offset ?? 0),
      list(({ to }) => byteaLiteral(to.last?.leafHash ?? Buffer.alloc(32))),
      list(({ to }) => to.log.size),
      list(({ to }) => byteaLiteral(root(to.log))),
      list(({ to }) => byteaLiteral(encodeEdge(to.log))),
      list(({ to }) => to.duplicates),
      list(({ to }) => to.deadLetters),
      list(({ to }) => to.updatedAtMs),
    ],
  )
  if (count !== moves.length)
    throw new CheckpointMoved(
      `another writer moved a checkpoint of ${moves.map(({ to }) => partitionName(to)).join(", ")}; nothing was written`,
    )
}
