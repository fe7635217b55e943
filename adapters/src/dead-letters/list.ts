import type { Parameter, Transaction } from "../postgres/transaction.ts"
import type { LetterState } from "./letter.ts"
import type { LetterPlace } from "./place.ts"

/** A dead letter in a list: all but its bytes. */
export interface DeadLetter {
  readonly topic: string
  readonly topic_partition: number
  readonly kafka_offset: number
  /** Escaped, with what is no text in octal, and cut when it is long; null when the message had no key. */
  readonly message_key: string | null
  /** Why it could not be read when it came. */
  readonly reason: string
  readonly ingested_at: string
  readonly value_bytes: number | null
  readonly state: LetterState
  /** The act that settled it, and what it says; null while open. */
  readonly act_number: number | null
  readonly acted_by: string | null
  readonly acted_at: string | null
  readonly act_reason: string | null
  /** The event that a retried letter counts as. */
  readonly event_id: string | null
}

/** Which letters to list; null does not filter. */
export interface LetterFilter {
  readonly topic: string | null
  /** The message key as text; its bytes are compared. */
  readonly key: string | null
  readonly state: LetterState | null
}

/** Where a page begins: after the letter that was recorded then, and there. */
export interface LetterCursor extends LetterPlace {
  readonly ingestedAt: string
}

const time = (column: string): string =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${column}`

/** A key is as long as a message may be, and a page has hundreds: what is beyond this is not shown in lists. */
const keyBytesMax = 1_024

const shownKey = `encode(substring(message_key from 1 for ${keyBytesMax}), 'escape') ||
  case when octet_length(message_key) > ${keyBytesMax} then '… of ' || octet_length(message_key) || ' bytes' else '' end
  as message_key`

const columns = `topic, topic_partition, kafka_offset, ${shownKey}, reason,
  octet_length(message_value) as value_bytes, ${time("ingested_at")}, state, act_number, acted_by, ${time("acted_at")},
  act_reason, event_id::text`

/** Dead letters, newest first, at most `limit`, after the given one. */
export const listLetters = async (
  transaction: Transaction,
  { topic, key, state }: LetterFilter,
  after: LetterCursor | null,
  limit: number,
): Promise<ReadonlyArray<DeadLetter>> => {
  const parameters: Parameter[] = [limit]
  const conditions: string[] = []
  const given = (condition: (place: string) => string, value: Parameter): void => {
    parameters.push(value)
    conditions.push(condition(`$${parameters.length}`))
  }
  if (topic !== null) given((place) => `topic = ${place}`, topic)
  if (key !== null) given((place) => `message_key = convert_to(${place}::text, 'UTF8')`, key)
  if (state !== null) given((place) => `state = ${place}`, state)
  if (after !== null) {
    parameters.push(after.ingestedAt, after.topic, after.partition, after.offset)
    const [at, name, partition, offset] = [3, 2, 1, 0].map((back) => `$${parameters.length - back}`)
    conditions.push(`(dead_letter_states.ingested_at, topic, topic_partition, kafka_offset)
      < (${at}::text::timestamptz, ${name}::text, ${partition}::integer, ${offset}::bigint)`)
  }
  const rows = await transaction.query(
    `select ${columns} from dead_letter_states
     ${conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`}
     order by dead_letter_states.ingested_at desc, topic desc, topic_partition desc, kafka_offset desc limit $1`,
    parameters,
  )
  return rows.map(
    (row) =>
      ({
        ...row,
        kafka_offset: Number(row["kafka_offset"]),
        act_number: row["act_number"] === null ? null : Number(row["act_number"]),
      }) as DeadLetter,
  )
}

/** A key whose newest state may lack a message. */
export interface DegradedKey {
  readonly topic: string
  readonly message_key: string | null
  /** How many letters of it are open. */
  readonly dead_letters: number
}

/** Keys that have a letter which was neither retried nor dismissed, by topic. */
export const listDegraded = (transaction: Transaction, limit: number): Promise<ReadonlyArray<DegradedKey>> =>
  transaction.query<DegradedKey>(
    `select topic, ${shownKey}, count(*)::integer as dead_letters
     from dead_letter_states where state = 'open'
     group by topic, dead_letter_states.message_key order by topic, dead_letter_states.message_key limit $1`,
    [limit],
  )

/** How many letters of each topic are open, of those that have any letter at all. Costs no look at the letters. */
export const countOpen = async (transaction: Transaction): Promise<ReadonlyMap<string, number>> => {
  const rows = await transaction.query<{ topic: string; open: string }>(
    `select topic, sum(dead_letters) - coalesce(max(settled.letters), 0) as open from checkpoints
     left join (select topic, count(distinct (topic_partition, kafka_offset)) as letters from dead_letter_acts
       where act in ('retried', 'dismissed') group by topic) as settled using (topic)
     group by topic having sum(dead_letters) > 0`,
  )
  return new Map(rows.map(({ topic, open }) => [topic, Number(open)]))
}

/** What was done about one letter, oldest first. */
export interface LetterAct {
  readonly act_number: number
  readonly act: string
  readonly acted_at: string
  readonly acted_by: string
  readonly database_login: string
  readonly reason: string
  readonly outcome: string
}

/** The acts about one letter, refused retries too, oldest first; the latest hundred. */
export const listActs = async (
  transaction: Transaction,
  { topic, partition, offset }: LetterPlace,
): Promise<ReadonlyArray<LetterAct>> => {
  const rows = await transaction.query(
    `select act_number, act, ${time("acted_at")}, acted_by, database_login, reason, outcome from dead_letter_acts
     where topic = $1 and topic_partition = $2 and kafka_offset = $3 order by act_number desc limit 100`,
    [topic, partition, offset],
  )
  return rows.map((row) => ({ ...row, act_number: Number(row["act_number"]) }) as LetterAct).reverse()
}
