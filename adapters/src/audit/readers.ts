import type { Database, Transaction } from "../postgres/transaction.ts"

/** All places for questions of that kind are taken, and more would only wait. */
export class TooManyQuestions extends Error {
  override readonly name = "TooManyQuestions"
}

/** How many connections answer, and how many questions may wait for one. */
export interface ReaderLimits {
  readonly questions: number
  readonly questions_waiting_max: number
  readonly question_deadline_ms: number
  readonly exports: number
  readonly export_deadline_ms: number
}

/**
 * The connections that answer auditors. Questions are short and share a few; an export holds one of its own, so that a
 * slow reader of one keeps nobody else waiting.
 */
export interface Readers {
  /** Runs a question in one read-only state of the database; its connection is given up when the signal aborts. */
  readonly ask: <Answer>(
    question: (transaction: Transaction) => Promise<Answer>,
    signal?: AbortSignal,
  ) => Promise<Answer>
  /** The same for an export; it is refused when all places are taken. */
  readonly export: <Answer>(
    question: (transaction: Transaction) => Promise<Answer>,
    signal?: AbortSignal,
  ) => Promise<Answer>
  readonly close: () => Promise<void>
}

interface Place {
  readonly database: Database
  waiting: number
}

/** Opens readers; `open` makes one connection, which connects when it is first used. */
export const openReaders = (open: () => Database, limits: ReaderLimits): Readers => {
  const placesOf = (count: number): ReadonlyArray<Place> =>
    Array.from({ length: count }, () => ({ database: open(), waiting: 0 }))
  const questions = placesOf(limits.questions)
  const exports = placesOf(limits.exports)

  const run = async <Answer>(
    places: ReadonlyArray<Place>,
    waitingMax: number,
    deadlineMs: number,
    question: (transaction: Transaction) => Promise<Answer>,
    signal?: AbortSignal,
  ): Promise<Answer> => {
    signal?.throwIfAborted()
    const place = places.reduce((best, next) => (next.waiting < best.waiting ? next : best))
    if (place.waiting > waitingMax)
      throw new TooManyQuestions(`${places.length} of these run and others wait already; ask again later`)
    place.waiting++
    try {
      return await place.database.transaction(
        (transaction) => untilAborted(() => question(transaction), signal),
        { mode: "repeatable read read only", deadlineMs },
      )
    } finally {
      place.waiting--
    }
  }

  return {
    ask: (question, signal) =>
      run(questions, limits.questions_waiting_max, limits.question_deadline_ms, question, signal),
    export: (question, signal) => run(exports, 0, limits.export_deadline_ms, question, signal),
    close: async () => {
      await Promise.all([...questions, ...exports].map(({ database }) => database.close()))
    },
  }
}

/**
 * Rejects as soon as the signal aborts, whatever statement is under way: what a transaction's work throws gives its
 * connection up, and the server ends the statement of a client that is gone.
 */
const untilAborted = <Answer>(work: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> => {
  if (signal === undefined) return work()
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener("abort", abort, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort))
  })
}
