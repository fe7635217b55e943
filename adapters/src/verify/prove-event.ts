import { topics } from "@landfall/domain/registry"
import { type Checkpoint, partitionName, readCheckpoints } from "../history/checkpoint.ts"
import { topicIdAt } from "../history/generations.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import type { Attestation } from "../transparency-log/attestations.ts"
import { leafBytes, leafOf } from "../transparency-log/leaf.ts"
import type { Verifier } from "../transparency-log/note-key.ts"
import { originOf } from "../transparency-log/origin.ts"
import { includes, inclusionRanges, rangeRoots } from "../transparency-log/proof.ts"
import type { StatedLog } from "../transparency-log/statement.ts"
import { tlogProofText } from "../transparency-log/tlog-proof.ts"
import { loadAttestations } from "./attestations-file.ts"

/** There is no proof for that event; the message says why and what to do. */
export class NoProof extends Error {
  override readonly name = "NoProof"
}

interface Found {
  readonly table: string
  readonly checkpoint: Checkpoint
  readonly offset: number
  /** The leaf's bytes. */
  readonly message: Buffer
}

const pageRows = 20_000
const hoursMs = 3_600_000

/**
 * The `tlog-proof` of an event: its message, its place in its partition's log, and the latest attested checkpoint, signed
 * when it was attested; no key is needed here. Throws {@link NoProof}.
 */
export const proveEvent = async (
  database: Database,
  eventId: string,
  file: string,
  verifier: Verifier,
): Promise<string> => {
  const { attestations } = await loadAttestations(file, verifier)
  return database.transaction((transaction) => proofOf(transaction, eventId, attestations, verifier), {
    mode: "repeatable read read only",
    deadlineMs: hoursMs,
  })
}

const proofOf = async (
  transaction: Transaction,
  eventId: string,
  attestations: ReadonlyArray<Attestation>,
  verifier: Verifier,
): Promise<string> => {
  const { table, checkpoint, offset, message } = await findEvent(transaction, eventId)
  const [counted] = await transaction.query<{ index: string }>(
    `select count(*)::text as index from ${table} where topic_partition = $1 and kafka_offset < $2`,
    [checkpoint.partition, offset],
  )
  const index = Number(counted?.index)
  const origin = originOf(verifier.name, partitionName(checkpoint))
  const attested = latestWith(attestations, origin, index)
  if (attested === null)
    throw new NoProof(
      `${eventId} is leaf ${index} of ${origin}, and no attestation reaches that far: run \`landfall verify --attest\` first`,
    )
  const { head, signed } = attested
  const roots = rangeRoots(inclusionRanges(index, head.size))
  for await (const leaves of leavesOf(transaction, table, checkpoint.partition, head.size)) roots.add(leaves)
  const hashes = roots.roots()
  if (!includes(hashes, { index, leaf: leafOf(message), size: head.size, root: head.root }))
    throw new NoProof(
      `the log is not the one that was attested, so nothing can be proved by it: \`landfall verify --against\` says where it differs`,
    )
  return tlogProofText({ message, index, hashes, checkpoint: signed })
}

const findEvent = async (transaction: Transaction, eventId: string): Promise<Found> => {
  const checkpoints = await readCheckpoints(transaction)
  for (const topic of topics) {
    const [row] = await transaction.query<{
      topic_partition: number
      kafka_offset: string
      leader_epoch: number
      kafka_timestamp_ms: string
      message_key: Buffer | null
      message_headers: Buffer | null
      payload: string
    }>(
      `select topic_partition, kafka_offset, leader_epoch, kafka_timestamp_ms, message_key, message_headers, payload
       from ${topic.evidenceTable} where event_id = $1::text::uuid`,
      [eventId],
    )
    if (row === undefined) continue
    const checkpoint = checkpoints.find(
      (one) => one.topic === topic.name && one.partition === row.topic_partition,
    )
    if (checkpoint === undefined)
      throw new NoProof(`the partition of ${eventId} has no checkpoint: run \`landfall verify\``)
    const offset = Number(row.kafka_offset)
    const message = leafBytes({
      topicId: (await topicIdAt(transaction, checkpoint))(offset),
      partition: row.topic_partition,
      offset,
      leaderEpoch: row.leader_epoch,
      timestampMs: Number(row.kafka_timestamp_ms),
      key: row.message_key,
      headers: row.message_headers,
      value: Buffer.from(row.payload, "utf8"),
    })
    return { table: topic.evidenceTable, checkpoint, offset, message }
  }
  const [retried] = await transaction.query<{ topic: string }>(
    "select topic from retried_letters where event_id = $1::text::uuid",
    [eventId],
  )
  throw new NoProof(
    retried === undefined
      ? `there is no event ${eventId}`
      : `${eventId} came as a dead letter of ${retried.topic} and counts since it was retried: it is no leaf of the partition's log, the act that retried it is one of the log of acts`,
  )
}

/** The latest attestation that reaches beyond the leaf, with its signed checkpoint. */
const latestWith = (
  attestations: ReadonlyArray<Attestation>,
  origin: string,
  index: number,
): { readonly head: StatedLog; readonly signed: string } | null => {
  for (const { statement, checkpoints } of attestations.toReversed()) {
    const place = statement.logs.findIndex((log) => log.origin === origin && log.size > index)
    const [head, signed] = [statement.logs[place], checkpoints[place]]
    if (head !== undefined && signed !== undefined) return { head, signed }
  }
  return null
}

/** The stored leaf hashes of a log, up to a size, a page at a time. */
async function* leavesOf(
  transaction: Transaction,
  table: string,
  partition: number,
  size: number,
): AsyncGenerator<ReadonlyArray<Buffer>> {
  let after = -1
  for (let left = size; left > 0; ) {
    const rows = await transaction.query<{ kafka_offset: string; leaf_hash: Buffer }>(
      `select kafka_offset, leaf_hash from ${table} where topic_partition = $1 and kafka_offset > $2
       order by kafka_offset limit $3`,
      [partition, after, Math.min(pageRows, left)],
    )
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows.map(({ leaf_hash }) => leaf_hash)
    after = Number(last.kafka_offset)
    left -= rows.length
  }
}
