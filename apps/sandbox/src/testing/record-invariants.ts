import { createHash } from "node:crypto"
import { inspect, isDeepStrictEqual } from "node:util"
import { type Decoded, recordDecoder } from "@landfall/domain/codec"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { fold } from "@landfall/projections/fold"
import { type AnyProjection, projectionsOfTopic } from "@landfall/projections/registry"
import { rowEncoder } from "@landfall/projections/row-codec"
import type postgres from "postgres"
import { readPartitions, type Stored } from "./stored-messages.ts"

// Written against SQL, Kafka and RFC 6962 alone: it shares no code with the engine that it judges, but the vocabulary
// (schemas and reducers), which has tests of its own. So the rows are described here once more, though the engine does too.

/** Throws with what must hold and both values when they differ. */
const same = (actual: unknown, expected: unknown, what: string): void => {
  if (isDeepStrictEqual(actual, expected)) return
  const shown = (value: unknown): string =>
    inspect(value, { depth: 4, maxArrayLength: 20, maxStringLength: 500 })
  throw new Error(`${what}: it is ${shown(actual)}, and must be ${shown(expected)}`)
}

const sha256 = (...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The Merkle tree hash of RFC 6962, section 2.1, by its recursion, over leaf hashes. */
const merkleRoot = (leaves: ReadonlyArray<Buffer>): Buffer => {
  const [first] = leaves
  if (first === undefined) return sha256()
  if (leaves.length === 1) return first
  let left = 1
  while (left * 2 < leaves.length) left *= 2
  return sha256(Uint8Array.of(1), merkleRoot(leaves.slice(0, left)), merkleRoot(leaves.slice(left)))
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const lengthPrefixed = (part: Uint8Array | null): Buffer =>
  part === null ? u32(0xffff_ffff) : Buffer.concat([u32(part.byteLength), part])

interface Message {
  readonly partition: number
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly timestampMs: bigint
  readonly key: Uint8Array | null
  readonly headers: Uint8Array | null
  readonly value: Uint8Array | null
}

const leafOf = (topicId: Buffer, message: Message): Buffer => {
  const place = Buffer.alloc(24)
  place.writeInt32BE(message.partition, 0)
  place.writeBigInt64BE(message.offset, 4)
  place.writeInt32BE(message.leaderEpoch, 12)
  place.writeBigInt64BE(message.timestampMs, 16)
  return sha256(
    Uint8Array.of(0),
    topicId,
    place,
    lengthPrefixed(message.key),
    lengthPrefixed(message.headers),
    lengthPrefixed(message.value),
  )
}

/** Kafka's headers as the column holds them. */
const headersOf = (stored: Stored): Buffer | null => {
  if (stored.headers === undefined || stored.headers.length === 0) return null
  return Buffer.concat(
    stored.headers.flatMap((header) => {
      // The client assigns the value to the name: for `__proto__` it becomes the prototype.
      const [[name, value] = ["__proto__", Object.getPrototypeOf(header) as Buffer]] = Object.entries(header)
      return [lengthPrefixed(Buffer.from(name)), lengthPrefixed(Buffer.from(value))]
    }),
  )
}

const messageOf = (partition: number, stored: Stored): Message => ({
  partition,
  offset: BigInt(stored.offset),
  leaderEpoch: stored.leaderEpoch ?? -1,
  timestampMs: BigInt(stored.timestamp),
  key: stored.key,
  headers: headersOf(stored),
  value: stored.value,
})

interface EvidenceRow {
  readonly kafka_offset: string
  readonly event_id: string
  readonly leader_epoch: number
  readonly kafka_timestamp_ms: string
  readonly message_key: Buffer | null
  readonly message_headers: Buffer | null
  readonly payload: Buffer
  readonly leaf_hash: Buffer
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
  readonly log_root: Buffer
  readonly duplicates: string
  readonly dead_letters: string
}

/** The record and the log that it was made of. */
export interface Recorded {
  readonly brokers: string
  readonly sql: postgres.Sql
}

/** What the database holds, in all. */
export interface Totals {
  readonly evidence: number
  readonly duplicates: number
  readonly deadLetters: number
}

export interface InvariantOptions {
  /** Whether all events of a row came through one partition, so that the fold has one order only; true unless told. */
  readonly onePartitionARow?: boolean
}

/**
 * Checks that everything in Kafka up to the checkpoints is in the database exactly once, as evidence, duplicate or dead
 * letter, byte for byte; that leaf hashes and roots recomputed from the stored columns are those that are kept; and that
 * the snapshots are what a fold of the evidence from nothing gives. Returns how many rows there are; throws with what
 * differs first. One partition is in memory at a time, and the payloads of one topic.
 */
export const checkInvariants = async (
  recorded: Recorded,
  options: InvariantOptions = {},
): Promise<Totals> => {
  const { sql, brokers } = recorded
  const checkpoints = await sql<CheckpointRow[]>`select * from checkpoints order by topic, topic_partition`
  const totals = { evidence: 0, duplicates: 0, deadLetters: 0 }
  for (const topic of topics) {
    const payloads: Buffer[] = []
    for (const checkpoint of checkpoints.filter((row) => row.topic === topic.name)) {
      const at = { topic: topic.name, partition: checkpoint.topic_partition }
      const [log = []] = await readPartitions(brokers, [at])
      const part = await checkPartition(sql, topic, checkpoint, log)
      totals.evidence += part.payloads.length
      totals.duplicates += part.duplicates
      totals.deadLetters += part.deadLetters
      // Not spread: a partition may hold more than a call takes arguments.
      for (const payload of part.payloads) payloads.push(payload)
    }
    if (options.onePartitionARow === false) continue
    for (const projection of projectionsOfTopic(topic.name))
      await checkSnapshot(sql, topic, projection, payloads)
  }
  return totals
}

function* recordsOf(topic: AnyTopic, payloads: ReadonlyArray<Buffer>): Iterable<unknown> {
  const decode = recordDecoder(topic)
  for (const payload of payloads) yield recordOf(decode(payload))
}

const recordOf = (decoded: Decoded<unknown>): unknown => {
  if (!decoded.ok) throw new Error(`evidence holds what cannot be decoded: ${decoded.reason}`)
  return decoded.record
}

const checkPartition = async (
  sql: postgres.Sql,
  topic: AnyTopic,
  checkpoint: CheckpointRow,
  log: ReadonlyArray<Stored>,
) => {
  const { topic_partition: partition } = checkpoint
  const name = `${topic.name}/${partition}`
  const topicId = Buffer.from(checkpoint.topic_id.replaceAll("-", ""), "hex")
  const next = Number(checkpoint.next_offset)
  const stored = log.filter(({ offset }) => offset >= Number(checkpoint.first_offset) && offset < next)
  const kafka = new Map(stored.map((message) => [message.offset, messageOf(partition, message)]))

  const { rows, repeats, letters } = await partitionRows(sql, topic, partition)
  const places = [...rows, ...repeats, ...letters].map(({ kafka_offset }) => Number(kafka_offset))
  same(new Set(places).size, places.length, `${name}: every message has one place only`)
  same(places.sort(ascending), [...kafka.keys()], `${name}: no message is missing and none is made up`)

  const leaves = rows.map((row) => {
    const message = fromEvidence(partition, row)
    expectSame(name, message, kafka.get(Number(row.kafka_offset)))
    return leafOf(topicId, message)
  })
  checkLeaves(name, rows, leaves)
  await checkSetAside(sql, topic, kafka, repeats, letters)

  const last = stored.at(-1)
  const { log_size, log_root, duplicates, dead_letters, last_offset, last_leaf_hash } = checkpoint
  const kept = { log_size, log_root, duplicates, dead_letters, last_offset, last_leaf_hash }
  const expected = {
    log_size: String(rows.length),
    log_root: merkleRoot(leaves),
    duplicates: String(repeats.length),
    dead_letters: String(letters.length),
    last_offset: last === undefined ? null : String(last.offset),
    last_leaf_hash: last === undefined ? null : leafOf(topicId, messageOf(partition, last)),
  }
  same(kept, expected, `${name}: the checkpoint`)
  return {
    payloads: rows.map(({ payload }) => payload),
    duplicates: repeats.length,
    deadLetters: letters.length,
  }
}

const ascending = (left: number, right: number): number => left - right

const partitionRows = async (sql: postgres.Sql, topic: AnyTopic, partition: number) => ({
  rows: await sql<EvidenceRow[]>`
    select kafka_offset, event_id, leader_epoch, kafka_timestamp_ms, message_key, message_headers,
      convert_to(payload, 'UTF8') as payload, leaf_hash
    from ${sql(topic.evidenceTable)} where topic_partition = ${partition} order by kafka_offset`,
  repeats: await sql<{ kafka_offset: string; event_id: string }[]>`
    select kafka_offset, event_id from duplicate_deliveries
    where topic = ${topic.name} and topic_partition = ${partition} order by kafka_offset`,
  letters: await sql<LetterRow[]>`
    select kafka_offset, leader_epoch, kafka_timestamp_ms, message_key, message_headers, message_value, leaf_hash, reason
    from dead_letters where topic = ${topic.name} and topic_partition = ${partition} order by kafka_offset`,
})

type LetterRow = Omit<EvidenceRow, "event_id" | "payload"> & {
  readonly message_value: Buffer | null
  readonly reason: string
}

const fromEvidence = (partition: number, row: EvidenceRow): Message => ({
  partition,
  offset: BigInt(row.kafka_offset),
  leaderEpoch: row.leader_epoch,
  timestampMs: BigInt(row.kafka_timestamp_ms),
  key: row.message_key,
  headers: row.message_headers,
  value: row.payload,
})

const sameBytes = (left: Uint8Array | null, right: Uint8Array | null): boolean =>
  left === null || right === null ? left === right : Buffer.compare(left, right) === 0

// A deep comparison of a hundred thousand messages is slow: it is asked only to say how two differ.
const expectSame = (name: string, kept: Message, sent: Message | undefined): void => {
  const isSame =
    sent !== undefined &&
    kept.partition === sent.partition &&
    kept.leaderEpoch === sent.leaderEpoch &&
    kept.timestampMs === sent.timestampMs &&
    sameBytes(kept.key, sent.key) &&
    sameBytes(kept.headers, sent.headers) &&
    sameBytes(kept.value, sent.value)
  if (!isSame) same(kept, sent, `${name} at offset ${kept.offset}: the kept message is the sent one`)
}

const checkLeaves = (name: string, rows: ReadonlyArray<EvidenceRow>, leaves: ReadonlyArray<Buffer>): void => {
  const wrong = rows.filter((row, index) => leaves[index]?.equals(row.leaf_hash) !== true)
  same(
    wrong.map(({ kafka_offset }) => kafka_offset),
    [],
    `${name}: the rows whose leaf hash is not that of their columns`,
  )
}

/** A duplicate repeats a kept event byte for byte; a dead letter cannot be read, or claims a kept id for other content. */
const checkSetAside = async (
  sql: postgres.Sql,
  topic: AnyTopic,
  kafka: ReadonlyMap<number, Message>,
  repeats: ReadonlyArray<{ readonly kafka_offset: string; readonly event_id: string }>,
  letters: ReadonlyArray<LetterRow>,
): Promise<void> => {
  const decode = recordDecoder(topic)
  const ids = new Map<string, Uint8Array | null>()
  const claims: Array<{ id: string; value: Uint8Array | null; isSame: boolean }> = []
  for (const { kafka_offset, event_id } of repeats)
    claims.push({ id: event_id, value: kafka.get(Number(kafka_offset))?.value ?? null, isSame: true })
  for (const letter of letters) {
    const value = kafka.get(Number(letter.kafka_offset))?.value ?? null
    if (!sameBytes(letter.message_value, value))
      same(letter.message_value, value, `${topic.name}: the dead letter at ${letter.kafka_offset}`)
    const decoded = decode(letter.message_value)
    if (!decoded.ok) same(letter.reason, decoded.reason, `${topic.name}: why it is a dead letter`)
    else claims.push({ id: String(Object(decoded.record)[topic.id]), value, isSame: false })
  }
  const wanted = [...new Set(claims.map(({ id }) => id))]
  const kept = await sql<{ event_id: string; payload: Buffer }[]>`
    select event_id, convert_to(payload, 'UTF8') as payload from ${sql(topic.evidenceTable)}
    where event_id = any(${wanted}::uuid[])`
  for (const { event_id, payload } of kept) ids.set(event_id, payload)
  for (const { id, value, isSame } of claims) {
    const payload = ids.get(id)
    same(payload instanceof Buffer, true, `${topic.name}: the event ${id} is kept`)
    const isRepeated = value !== null && payload instanceof Buffer && payload.equals(value)
    same(isRepeated, isSame, `${topic.name}: the event ${id} is repeated byte for byte`)
  }
}

/** Compares a snapshot table with a fold of the evidence from nothing. */
const checkSnapshot = async (
  sql: postgres.Sql,
  topic: AnyTopic,
  projection: AnyProjection,
  payloads: ReadonlyArray<Buffer>,
): Promise<void> => {
  const encode = rowEncoder(projection)
  const expected = new Map(
    Array.from(fold(projection, recordsOf(topic, payloads)), ([key, row]): [string, unknown] => [
      key,
      encode(row),
    ]),
  )
  const kept = await readSnapshot(sql, projection)
  same([...kept.keys()].sort(), [...expected.keys()].sort(), `${projection.name}: the keys`)
  for (const [key, row] of expected)
    if (JSON.stringify(kept.get(key)) !== JSON.stringify(row))
      same(kept.get(key), row, `${projection.name}: the row of ${key}`)
}

/** The rows of a snapshot table by key, in the form that `rowEncoder` writes. */
export const readSnapshot = async (sql: postgres.Sql, projection: AnyProjection) => {
  const columns = Object.entries(projection.columns).map(([name, { type }]) => {
    if (type === "timestamptz")
      return `to_char(${name} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${name}`
    return type === "numeric" || type === "uuid" ? `${name}::text` : name
  })
  const rows = await sql.unsafe<Array<Record<string, unknown> & { row_key: string }>>(
    `select row_key, ${columns.join(", ")} from ${projection.name}_snapshot`,
  )
  return new Map(rows.map(({ row_key, ...row }): [string, Record<string, unknown>] => [row_key, row]))
}
