import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { byPlace, type LetterPlace, placeName } from "./place.ts"

/** How a letter stands. */
export type LetterState = "open" | "retried" | "dismissed"

/** Every word for how a letter stands. */
export const letterStates = ["open", "retried", "dismissed"] as const satisfies ReadonlyArray<LetterState>

/** A dead letter as it came, and how it stands. */
export interface Letter extends LetterPlace {
  readonly kafkaTimestampMs: number
  readonly ingestedAtMs: number
  readonly key: Buffer | null
  /** As `encodeHeaders` writes them; null when there are none. */
  readonly headers: Buffer | null
  readonly value: Buffer | null
  /** Why it could not be read then. */
  readonly reason: string
  readonly leafHash: Buffer
  readonly state: LetterState
  /** What made it so; null while open. */
  readonly settled: { readonly actNumber: number; readonly by: string; readonly why: string } | null
}

/** A place that has no dead letter. */
export class NoSuchLetter extends Error {
  override readonly name = "NoSuchLetter"
}

interface Row {
  readonly topic: string
  readonly topic_partition: number
  readonly kafka_offset: string
  readonly kafka_timestamp_ms: string
  readonly ingested_at_ms: string
  readonly message_key: Buffer | null
  readonly message_headers: Buffer | null
  readonly message_value: Buffer | null
  readonly reason: string
  readonly leaf_hash: Buffer
  readonly state: LetterState
  readonly act_number: string | null
  readonly acted_by: string | null
  readonly act_reason: string | null
}

/** Bytes of letters that are held at once; one alone may be as long as Kafka lets it be. */
const bytesMax = 256 * 1024 * 1024

/** Together the letters are longer than what is held at once. */
export class LettersTooLong extends Error {
  override readonly name = "LettersTooLong"
}

/** Reads the letters of those places with their bytes, in the order of the logs; throws for a place that has none. */
export const readLetters = async (
  transaction: Transaction,
  places: ReadonlyArray<LetterPlace>,
): Promise<ReadonlyArray<Letter>> => {
  const named = [
    arrayLiteral(places.map(({ topic }) => topic)),
    arrayLiteral(places.map(({ partition }) => partition)),
    arrayLiteral(places.map(({ offset }) => offset)),
  ]
  const there = `(topic, topic_partition, kafka_offset) in (select * from unnest($1::text[], $2::integer[], $3::bigint[]))`
  const [size] = await transaction.query<{ bytes: string }>(
    `select coalesce(sum(octet_length(message_value)), 0)::text as bytes from dead_letters where ${there}`,
    named,
  )
  if (places.length > 1 && Number(size?.bytes) > bytesMax)
    throw new LettersTooLong(
      `the ${places.length} letters have ${size?.bytes} bytes, more than ${bytesMax}, the most that is held at once: name fewer; nothing was changed`,
    )
  const rows = await transaction.query<Row>(
    `select topic, topic_partition, kafka_offset, kafka_timestamp_ms, message_key, message_headers, message_value, reason,
       leaf_hash, state, act_number, acted_by, act_reason,
       (extract(epoch from ingested_at) * 1000)::bigint::text as ingested_at_ms
     from dead_letter_states where ${there}`,
    named,
  )
  const letters = rows.map(fromRow).sort(byPlace)
  const found = new Set(letters.map(placeName))
  const missing = places.map(placeName).filter((name) => !found.has(name))
  if (missing.length > 0)
    throw new NoSuchLetter(
      `there is no dead letter at ${missing.join(", ")}: \`landfall dead-letters list\` shows those there are; nothing was changed`,
    )
  return letters
}

const fromRow = (row: Row): Letter => ({
  topic: row.topic,
  partition: row.topic_partition,
  offset: Number(row.kafka_offset),
  kafkaTimestampMs: Number(row.kafka_timestamp_ms),
  ingestedAtMs: Number(row.ingested_at_ms),
  key: row.message_key,
  headers: row.message_headers,
  value: row.message_value,
  reason: row.reason,
  leafHash: row.leaf_hash,
  state: row.state,
  settled:
    row.act_number === null
      ? null
      : { actNumber: Number(row.act_number), by: row.acted_by ?? "", why: row.act_reason ?? "" },
})
