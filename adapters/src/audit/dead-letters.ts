import type { Transaction } from "../postgres/transaction.ts"

/** A message that could not be read, and why. */
export interface DeadLetter {
  readonly topic: string
  readonly topic_partition: number
  readonly kafka_offset: number
  readonly message_key: string | null
  readonly reason: string
  readonly ingested_at: string
  readonly value_bytes: number | null
}

/** Dead letters, newest first, at most `limit`. */
export const listDeadLetters = async (
  transaction: Transaction,
  limit: number,
): Promise<ReadonlyArray<DeadLetter>> => {
  const rows = await transaction.query(
    `select topic, topic_partition, kafka_offset, encode(message_key, 'escape') as message_key, reason,
         octet_length(message_value) as value_bytes,
         to_char(ingested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ingested_at
       from dead_letters order by ingested_at desc, topic, topic_partition, kafka_offset desc limit $1`,
    [limit],
  )
  return rows.map((row) => ({ ...row, kafka_offset: Number(row["kafka_offset"]) }) as DeadLetter)
}

/** Keys whose newest state may lack a message that could not be read, by topic. */
export const listDegradedKeys = (transaction: Transaction, limit: number) =>
  transaction.query<{ topic: string; message_key: string | null; dead_letters: number }>(
    `select topic, encode(message_key, 'escape') as message_key, count(*)::integer as dead_letters
       from dead_letters group by topic, dead_letters.message_key order by topic, dead_letters.message_key limit $1`,
    [limit],
  )
