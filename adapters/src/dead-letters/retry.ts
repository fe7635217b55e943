import { type AnyTopic, topicByName } from "@landfall/domain/registry"
import type { AnyProjection } from "@landfall/projections/registry"
import { projectionsOfTopic } from "@landfall/projections/registry"
import { Equal } from "effect"
import { readCheckpoints } from "../history/checkpoint.ts"
import { openSnapshotTable, type StoredRow } from "../history/snapshot-table.ts"
import { requireSnapshotVersions } from "../history/snapshot-versions.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { type Actor, claimActs, lastActNumber, type NewAct, recordActs } from "./acts.ts"
import { type Accepted, anyHeld, judgeLetters, type Verdict } from "./judge.ts"
import { NoSuchLetter, readLetters } from "./letter.ts"
import { type LetterPlace, placeName } from "./place.ts"
import { type PartitionEnd, Refold } from "./refold.ts"
import { forgetCopies, startGenerations } from "./snapshot-copies.ts"

/** What reading letters again came to. */
export interface Retried {
  readonly letters: ReadonlyArray<{
    readonly place: string
    readonly retried: boolean
    readonly event_id: string | null
    readonly outcome: string
  }>
  /** The rows that were folded again. */
  readonly rows: ReadonlyArray<RefoldedRow>
}

/** A row that was folded again, as it stood and as it stands. */
export interface RefoldedRow {
  readonly projection: string
  readonly key: string
  readonly change: "added" | "changed" | "unchanged"
  readonly before: unknown
  readonly after: unknown
}

export interface RetryOptions {
  readonly actor: Actor
  /** Only tells what would come of it: nothing is changed, and nothing is recorded. */
  readonly dryRun?: boolean
  /** Told now and then how many events were read. */
  readonly onProgress?: (events: number) => void
}

/** Most letters that are retried at once: their records are held until the end. */
export const retryLettersMax = 1_000

/** Others kept acting on dead letters or the events of the same rows. */
export class RetryOvertaken extends Error {
  override readonly name = "RetryOvertaken"
}

const attemptsMax = 5
/** Folding the rows anew reads their topic from the beginning. */
const readingDeadlineMs = 3_600_000

/**
 * Reads dead letters of one topic again with today's program. What is a record now and has an id of its own counts as an
 * event from then on, in its own place in the log: the rows it belongs to are folded again from all their events. The
 * rest is refused. Either is recorded, all in one transaction that holds every checkpoint.
 */
export const retryLetters = async (
  database: Database,
  places: ReadonlyArray<LetterPlace>,
  options: RetryOptions,
): Promise<Retried> => {
  const topic = onlyTopic(places)
  if (places.length > retryLettersMax)
    throw new Error(
      `${places.length} letters are more than ${retryLettersMax}, the most that is retried at once`,
    )
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const plan = await makePlan(database, topic, places, options)
    const done =
      options.dryRun === true
        ? await database.transaction((transaction) => compare(transaction, plan.refold))
        : await database.transaction((transaction) => carryOut(transaction, topic, plan, options.actor), {
            deadlineMs: readingDeadlineMs,
          })
    if (done !== null) return { letters: plan.verdicts.map(shown), rows: done.map(({ row }) => row) }
  }
  throw new RetryOvertaken(
    `events of the same ids or other acts came in between ${attemptsMax} times; nothing was changed: try again`,
  )
}

interface Plan {
  readonly verdicts: ReadonlyArray<Verdict>
  readonly accepted: ReadonlyArray<Accepted>
  readonly refold: Refold
  /** What was known of other acts. */
  readonly lastAct: number
}

const onlyTopic = (places: ReadonlyArray<LetterPlace>): AnyTopic => {
  const names = new Set(places.map(({ topic }) => topic))
  const [name = ""] = names
  const topic = topicByName(name)
  if (names.size !== 1 || topic === undefined)
    throw new NoSuchLetter(
      `letters of one known topic are retried at once, got ${[...names].join(", ") || "none"}`,
    )
  return topic
}

/** Folds as far as the log goes now, with nothing locked: that may take long, and writers go on. */
const makePlan = (
  database: Database,
  topic: AnyTopic,
  places: ReadonlyArray<LetterPlace>,
  { onProgress }: RetryOptions,
): Promise<Plan> =>
  database.transaction(
    async (transaction) => {
      await requireSnapshotVersions(transaction, projectionsOfTopic(topic.name))
      const lastAct = await lastActNumber(transaction)
      const verdicts = await judgeLetters(transaction, topic, await readLetters(transaction, places))
      const accepted = verdicts.filter((verdict) => verdict.ok)
      const refold = await foldWhole(transaction, topic, accepted, onProgress)
      return { verdicts, accepted, refold, lastAct }
    },
    { mode: "repeatable read read only", deadlineMs: readingDeadlineMs },
  )

const endsOf = async (transaction: Transaction, topic: AnyTopic): Promise<ReadonlyArray<PartitionEnd>> =>
  (await readCheckpoints(transaction)).filter((checkpoint) => checkpoint.topic === topic.name)

const foldWhole = async (
  transaction: Transaction,
  topic: AnyTopic,
  accepted: ReadonlyArray<Accepted>,
  onProgress?: (events: number) => void,
): Promise<Refold> => {
  const refold = new Refold(topic, accepted)
  if (accepted.length > 0) await refold.readTo(transaction, await endsOf(transaction, topic), onProgress)
  return refold
}

/** Does what was planned, with all writers held; null when the plan no longer holds and another must be made. */
const carryOut = async (
  transaction: Transaction,
  topic: AnyTopic,
  { verdicts, accepted, refold: planned, lastAct }: Plan,
  actor: Actor,
): Promise<ReadonlyArray<Compared> | null> => {
  await claimActs(transaction)
  // Waits for the batches under way and holds up the next ones, of partitions that are new as well.
  await transaction.script("lock table checkpoints in exclusive mode")
  if ((await lastActNumber(transaction)) !== lastAct) return null
  const ids = accepted.map(({ eventId }) => eventId)
  if (await anyHeld(transaction, topic, ids)) return null
  const ends = await endsOf(transaction, topic)
  const refold = (await planned.readTo(transaction, ends))
    ? planned
    : await foldWhole(transaction, topic, accepted)
  const projections = projectionsOfTopic(topic.name)
  await requireSnapshotVersions(transaction, projections)
  if (accepted.length > 0) await forgetCopies(transaction, projections)
  const compared = await compare(transaction, refold)
  for (const [projection, changes] of Map.groupBy(compared, (one) => one.projection))
    await openSnapshotTable(projection).write(
      transaction,
      changes.filter(({ after, before }) => !isSame(before, after)),
    )
  if (accepted.length > 0) await startGenerations(transaction, projections)
  await recordActs(transaction, actor, verdicts.map(actOf))
  return compared
}

interface Compared {
  readonly projection: AnyProjection
  readonly key: string
  readonly before: StoredRow | null
  readonly after: StoredRow
  readonly row: RefoldedRow
}

/** The rows as they are to be beside those in the tables. */
const compare = async (transaction: Transaction, refold: Refold): Promise<ReadonlyArray<Compared>> => {
  const all: Compared[] = []
  for (const [projection, rows] of refold.results()) {
    const live = await openSnapshotTable(projection).load(transaction, [...rows.keys()])
    for (const [key, after] of rows) {
      const before = live.get(key) ?? null
      const change = before === null ? "added" : Equal.equals(before.row, after.row) ? "unchanged" : "changed"
      const row = { projection: projection.name, key, change, before: before?.row ?? null, after: after.row }
      all.push({ projection, key, before, after, row: row as RefoldedRow })
    }
  }
  return all
}

const isSame = (before: StoredRow | null, after: StoredRow): boolean =>
  before !== null &&
  before.partition === after.partition &&
  before.offset === after.offset &&
  Equal.equals(before.row, after.row)

const counts = (eventId: string): string => `counts as the event ${eventId} from now on`

const shown = (verdict: Verdict): Retried["letters"][number] => ({
  place: placeName(verdict.letter),
  retried: verdict.ok,
  event_id: verdict.ok ? verdict.eventId : null,
  outcome: verdict.ok ? counts(verdict.eventId) : verdict.outcome,
})

const actOf = (verdict: Verdict): NewAct => ({
  place: { topic: verdict.letter.topic, partition: verdict.letter.partition, offset: verdict.letter.offset },
  letterLeaf: verdict.letter.leafHash,
  act: verdict.ok ? "retried" : "retry_refused",
  eventId: verdict.ok ? verdict.eventId : null,
  outcome: verdict.ok ? counts(verdict.eventId) : verdict.outcome,
})
