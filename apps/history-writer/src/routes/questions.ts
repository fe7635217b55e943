import { type AsOf, bases } from "@landfall/adapters/audit/as-of"
import { audited, BeingRebuilt, readPosition } from "@landfall/adapters/audit/position"
import { type Readers, TooManyQuestions } from "@landfall/adapters/audit/readers"
import { missing, openWaiter, type PositionWaiter } from "@landfall/adapters/audit/wait-for"
import { type Kind, optional, type Values, withDefault } from "@landfall/adapters/config/field"
import { instant, integer, oneOf } from "@landfall/adapters/config/kinds"
import { limits } from "@landfall/adapters/config/limits"
import { position } from "@landfall/adapters/config/position-kind"
import { badField, HttpError, unavailable } from "@landfall/adapters/http/http-error"
import { ReaderGone } from "@landfall/adapters/http/streamed"
import { DatabaseError, type Transaction } from "@landfall/adapters/postgres/transaction"
import { type Position, reached } from "@landfall/domain/position"
import { topicByName, topics } from "@landfall/domain/registry"
import { epochMs, timestamp } from "@landfall/domain/timestamp"
import type { AnyProjection } from "@landfall/projections/registry"

/** What the audit routes ask. */
export interface Questions {
  readonly readers: Readers
  readonly waiter: PositionWaiter
  /** The clock, in epoch milliseconds. */
  readonly now: () => number
}

/** Opens what the audit routes ask. */
export const openQuestions = (readers: Readers, now: () => number): Questions => ({
  readers,
  now,
  waiter: openWaiter({ read: () => readers.ask(readPosition), pollMs: limits.audit.wait_poll_ms }),
})

/** A position of topics that there are: one of others would be waited for in vain. */
const knownPosition: Kind<Position> = {
  ...position,
  read: (text) => {
    const read = position.read(text)
    if (!read.ok) return read
    const unknown = Object.keys(read.value).find((topic) => topicByName(topic) === undefined)
    if (unknown === undefined) return read
    return {
      ok: false,
      problem: `there is no topic ${JSON.stringify(unknown.slice(0, 100))}; there are ${topics.map(({ name }) => name).join(", ")}`,
    }
  },
}

/** The parameters that say as of when a question is asked. */
export const asOfFields = {
  as_of: optional(instant, "answer as of this instant, instead of now"),
  as_of_basis: withDefault(
    oneOf(bases),
    "ingest",
    "ingest: what had been written here by then; event: what had happened by then, whenever it was learned",
  ),
}

/** The parameters that every question has. */
export const standingFields = {
  ...asOfFields,
  wait_for: optional(knownPosition, "answer only once everything before this position was written"),
  wait_ms: withDefault(
    integer({ min: 0, max: limits.audit.wait_ms_max }),
    String(limits.audit.wait_ms_max),
    "how long to wait for it; after that the answer is 504",
  ),
}

type Standing = Values<typeof standingFields>

/** The instant that is asked about; null for now. Refuses one that has not come. */
export const asOfOf = ({ as_of, as_of_basis }: Values<typeof asOfFields>, now_ms: number): AsOf | null => {
  if (as_of === null) return null
  if (epochMs(as_of) > now_ms)
    throw badField("as_of", "it has not come yet", `an instant not later than ${timestamp(now_ms)}`)
  return { at: as_of, basis: as_of_basis }
}

/** How an answer says where it stands; `behind_seconds` of an answer about now is the service's own. */
export const standingOf = (asOf: AsOf | null, at: Position, now_ms: number) => ({
  as_of: asOf?.at ?? timestamp(now_ms),
  as_of_basis: asOf?.basis ?? "ingest",
  // What is being written now may still come to be known as of an instant so near.
  ...(asOf?.basis === "ingest" && { final: now_ms - epochMs(asOf.at) > limits.audit.writing_ms_max }),
  position: at,
  ...(asOf !== null && {
    behind_seconds: Object.fromEntries(topics.map(({ name }) => [name, (now_ms - epochMs(asOf.at)) / 1000])),
  }),
})

/** Waits for what the question waits for; 504 when it does not come in time. */
export const awaitPosition = async (
  { waiter, readers }: Questions,
  { as_of, wait_for, wait_ms }: Standing,
  signal: AbortSignal,
): Promise<void> => {
  if (wait_for === null) return
  if (as_of !== null)
    throw badField(
      "wait_for",
      "the past does not come anew",
      "wait_for without as_of, or as_of without wait_for",
    )
  if (await translated(() => waiter.until(wait_for, wait_ms, signal))) return
  throw late(await translated(() => readers.ask(readPosition, signal)), wait_for, wait_ms)
}

const late = (at: Position, target: Position, wait_ms: number): HttpError =>
  new HttpError(504, "not_reached", `after ${wait_ms} ms ${missing(at, target).join("; ")}`, {
    field: "wait_for",
  })

/** Answers a question about rows from one state of the database, and says where it stands. */
export const answer = async <Answer extends object>(
  questions: Questions,
  query: Standing,
  signal: AbortSignal,
  question: (transaction: Transaction, asOf: AsOf | null) => Promise<Answer>,
  projection: AnyProjection | null = null,
) => {
  const asOf = asOfOf(query, questions.now())
  await awaitPosition(questions, query, signal)
  const {
    rows,
    position: at,
    rebuilding,
  } = await translated(() =>
    questions.readers.ask(
      audited((transaction) => question(transaction, asOf), asOf, projection),
      signal,
    ),
  )
  if (query.wait_for !== null && !reached(at, query.wait_for)) throw late(at, query.wait_for, query.wait_ms)
  const standing = standingOf(asOf, at, questions.now())
  return rebuilding === null ? { ...standing, ...rows } : { ...standing, rebuilding, ...rows }
}

/** The answer, or 503 while PostgreSQL is away or everybody is busy. */
export const translated = async <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await question()
  } catch (error) {
    // Nobody reads this answer any more; it is none of the failures that the log must have.
    const isGone = error instanceof ReaderGone || (error instanceof Error && error.name === "AbortError")
    if (isGone) throw unavailable("the client has gone")
    if (error instanceof TooManyQuestions || error instanceof BeingRebuilt) throw unavailable(error.message)
    if (error instanceof DatabaseError)
      throw unavailable("PostgreSQL does not answer, or not in time; ask for less, or again later")
    throw error
  }
}
