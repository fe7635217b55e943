import { recordDecoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import type { Letter } from "./letter.ts"
import { placeName } from "./place.ts"

/** What reading a letter again came to: an event, or why it is none. */
export type Verdict =
  | { readonly ok: true; readonly letter: Letter; readonly eventId: string; readonly record: unknown }
  | { readonly ok: false; readonly letter: Letter; readonly outcome: string }

/** A letter that is to count as an event. */
export type Accepted = Extract<Verdict, { ok: true }>

/** An event that already has an id. */
interface Holder {
  readonly place: string
  readonly payload: Buffer
}

/** Reads letters of one topic again with today's program, in the order of the logs. */
export const judgeLetters = async (
  transaction: Transaction,
  topic: AnyTopic,
  letters: ReadonlyArray<Letter>,
): Promise<ReadonlyArray<Verdict>> => {
  const decode = recordDecoder(topic)
  const verdicts = letters.map((letter): Verdict => {
    if (letter.state === "retried")
      return {
        ...{ ok: false, letter },
        outcome: `it counts as an event already, since act ${letter.settled?.actNumber}`,
      }
    const decoded = decode(letter.value)
    if (!decoded.ok)
      return { ok: false, letter, outcome: `it still cannot be read: ${decoded.reason}`.slice(0, 2_000) }
    const record = decoded.record as { readonly [field: string]: unknown }
    return { ok: true, letter, eventId: record[topic.id] as string, record }
  })
  const holders = await findHolders(
    transaction,
    topic,
    verdicts.flatMap((verdict) => (verdict.ok ? [verdict.eventId] : [])),
  )
  return verdicts.map((verdict): Verdict => {
    if (!verdict.ok) return verdict
    const { letter, eventId } = verdict
    const value = letter.value as Buffer
    const holder = holders.get(eventId)
    if (holder === undefined) {
      holders.set(eventId, { place: placeName(letter), payload: value })
      return verdict
    }
    const how = holder.payload.equals(value)
      ? "with the same bytes: nothing is missing, dismiss the letter"
      : "with other content: a correction is a new event under an id of its own; dismiss the letter"
    return { ok: false, letter, outcome: `${topic.id} ${eventId} is the event at ${holder.place}, ${how}` }
  })
}

/** Whether any of those ids has become an event meanwhile. */
export const anyHeld = async (
  transaction: Transaction,
  topic: AnyTopic,
  eventIds: ReadonlyArray<string>,
): Promise<boolean> => (await findHolders(transaction, topic, eventIds)).size > 0

const findHolders = async (
  transaction: Transaction,
  topic: AnyTopic,
  eventIds: ReadonlyArray<string>,
): Promise<Map<string, Holder>> => {
  const rows = await transaction.query<{
    event_id: string
    topic_partition: number
    kafka_offset: string
    payload: string
  }>(
    `select event_id::text, topic_partition, kafka_offset, payload from ${topic.evidenceTable}
     where event_id = any($1::uuid[])
     union all select event_id::text, topic_partition, kafka_offset, payload from retried_letters
     where topic = $2 and event_id = any($1::uuid[])`,
    [arrayLiteral(eventIds), topic.name],
  )
  return new Map(
    rows.map((row) => [
      row.event_id,
      {
        place: placeName({
          topic: topic.name,
          partition: row.topic_partition,
          offset: Number(row.kafka_offset),
        }),
        payload: Buffer.from(row.payload, "utf8"),
      },
    ]),
  )
}
