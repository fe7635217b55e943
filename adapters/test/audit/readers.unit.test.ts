import { expect, test } from "vitest"
import { openReaders, TooManyQuestions } from "../../src/audit/readers.ts"
import type { Database, Transaction, TransactionOptions } from "../../src/postgres/transaction.ts"

const limits = {
  questions: 2,
  questions_waiting_max: 1,
  question_deadline_ms: 10_000,
  exports: 1,
  export_deadline_ms: 600_000,
}

/** A connection that runs one transaction after another, as the real one does. */
const connection = (told: TransactionOptions[]): Database => {
  let tail: Promise<unknown> = Promise.resolve()
  return {
    transaction: (work, options = {}) => {
      told.push(options)
      const mine = tail.then(() => work({} as Transaction))
      tail = mine.catch(() => {})
      return mine
    },
    close: async () => {},
  }
}

const given = () => {
  const told: TransactionOptions[] = []
  return { told, readers: openReaders(() => connection(told), limits) }
}

test("so many questions run and wait, in one state that they cannot change; the next is refused", async () => {
  const { readers, told } = given()
  const held = Promise.withResolvers<void>()
  const asked = Array.from({ length: 4 }, (_, index) => readers.ask(() => held.promise.then(() => index)))
  await expect(readers.ask(async () => 4)).rejects.toThrow(TooManyQuestions)
  held.resolve()
  expect(await Promise.all(asked)).toEqual([0, 1, 2, 3])
  expect(await readers.ask(async () => 5)).toBe(5)
  for (const options of told)
    expect(options).toEqual({ mode: "repeatable read read only", deadlineMs: 10_000 })
})

test("an export takes no place from questions, and no second one waits for its own", async () => {
  const { readers } = given()
  const held = Promise.withResolvers<void>()
  const exported = readers.export(() => held.promise)
  await expect(readers.export(async () => {})).rejects.toThrow(TooManyQuestions)
  expect(await readers.ask(async () => 1)).toBe(1)
  held.resolve()
  await exported
  await readers.export(async () => {})
})

test("whoever goes away gives the place back at once", async () => {
  const { readers } = given()
  const gone = new AbortController()
  const exported = readers.export(() => new Promise(() => {}), gone.signal)
  gone.abort(new Error("the reader has gone"))
  await expect(exported).rejects.toThrow("the reader has gone")
  expect(await readers.export(async () => 1)).toBe(1)
})
