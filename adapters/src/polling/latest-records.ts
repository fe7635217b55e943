import { recordDecoder } from "@landfall/domain/codec"
import { foldInto, type Rows } from "@landfall/projections/fold"
import type { Projection } from "@landfall/projections/projection"
import type { Admin } from "../kafka/admin.ts"
import type { KafkaConnection } from "../kafka/configuration.ts"
import { openConsumer } from "../kafka/consumer.ts"

export interface LatestRecordsOptions<Record> {
  readonly kafka: KafkaConnection
  readonly admin: Admin
  /** The projection that keeps the newest record of each key. */
  readonly projection: Projection<Record, Record>
  /** The keys to find. */
  readonly keys: ReadonlyArray<string>
  /** How far back to look in each partition for a key that may never have been written. */
  readonly look_back_messages_max?: number
  readonly deadline_ms?: number
}

/** Enough for the newest records of some keys that are all written at one pace; more is read only if it was not. */
const first_look_messages = 256
const portion_messages = 1_000
const queued_bytes_max = 16 * 1024 * 1024

/**
 * The newest committed record of each key, read from the end of its own topic backwards, so that who publishes goes on
 * where it, or its predecessor, stopped. It needs Kafka alone: a price must not wait for a database.
 */
export const latestRecords = async <Record>(options: LatestRecordsOptions<Record>): Promise<Rows<Record>> => {
  const { admin, projection, keys } = options
  const look_back_max = options.look_back_messages_max ?? 65_536
  const deadline_ms = performance.now() + (options.deadline_ms ?? 60_000)
  const { name } = projection.topic
  const [description] = await admin.describe([name])
  const partitions = Array.from({ length: description?.partitions ?? 0 }, (_, partition) => ({
    topic: name,
    partition,
  }))
  const bounds = await admin.bounds(partitions)
  for (let look_back = first_look_messages; ; look_back *= 8) {
    const count = Math.min(look_back, look_back_max)
    const parts = partitions.flatMap((at, index) => {
      const { earliest = 0, end = 0 } = bounds[index] ?? {}
      const from = Math.max(earliest, end - count)
      return from < end ? [{ ...at, offset: from, end, whole: from === earliest }] : []
    })
    const rows = await readParts(options, parts, deadline_ms)
    const found = keys.every((key) => rows.has(key))
    if (found || count === look_back_max || parts.every(({ whole }) => whole)) return rows
  }
}

interface Part {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly end: number
}

const readParts = async <Record>(
  { kafka, projection }: LatestRecordsOptions<Record>,
  parts: ReadonlyArray<Part>,
  deadline_ms: number,
): Promise<Rows<Record>> => {
  const rows: Rows<Record> = new Map()
  if (parts.length === 0) return rows
  const decode = recordDecoder(projection.topic)
  const consumer = await openConsumer(kafka, { group: null, waitMs: 20, queuedBytesMax: queued_bytes_max })
  try {
    consumer.assign(parts.map(({ topic, partition, offset }) => ({ topic, partition, offset })))
    const next = new Map(parts.map(({ partition, offset }) => [partition, offset]))
    const remaining = new Set(parts)
    while (remaining.size > 0) {
      for (const message of await consumer.consume(portion_messages)) {
        next.set(message.partition, message.offset + 1)
        const decoded = decode(message.value)
        // What cannot be read is no record; the history writer keeps it as a dead letter.
        if (decoded.ok) foldInto(projection, rows, [decoded.record])
      }
      for (const part of remaining) {
        // The last offsets before the end may be transaction markers, which are never delivered.
        const reached = consumer.endOf(part.topic, part.partition)?.reached ?? 0
        if ((next.get(part.partition) ?? 0) >= part.end || reached >= part.end) remaining.delete(part)
      }
      if (performance.now() > deadline_ms)
        throw new Error(
          `the end of ${projection.topic.name} was not reached in time; an open transaction may hold it back`,
        )
    }
  } finally {
    await consumer.close()
  }
  return rows
}
