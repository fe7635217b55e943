import type { Position } from "@landfall/domain/position"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { missing, openWaiter } from "../../src/audit/wait-for.ts"

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const at = (offset: number): Position => ({ "ops.alert": { "0": offset } })

/** A record that others write while it is waited for, and how often it was looked at. */
const givenRecord = () => {
  const record = { offset: 0, looks: 0, away: false }
  const waiter = openWaiter({
    pollMs: 25,
    read: async () => {
      record.looks++
      if (record.away) throw new Error("PostgreSQL is away")
      return at(record.offset)
    },
  })
  return { record, waiter }
}

test("resolves with the first look that sees the position, however many wait for it", async () => {
  const { record, waiter } = givenRecord()
  const all = [5, 5, 3].map((offset) => waiter.until(at(offset), 1_000))
  await vi.advanceTimersByTimeAsync(60)
  const looks = record.looks
  expect(looks).toBeLessThanOrEqual(4)
  record.offset = 5
  await vi.advanceTimersByTimeAsync(30)
  expect(await Promise.all(all)).toEqual([true, true, true])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(record.looks).toBeLessThanOrEqual(looks + 2)
})

test("is at once true for what was reached long ago", async () => {
  const { record, waiter } = givenRecord()
  record.offset = 9
  expect(await waiter.until(at(9), 0)).toBe(true)
  expect(record.looks).toBe(1)
})

test("is false after the time given, and looks no more", async () => {
  const { record, waiter } = givenRecord()
  const waiting = waiter.until(at(1), 100)
  await vi.advanceTimersByTimeAsync(100)
  expect(await waiting).toBe(false)
  const { looks } = record
  await vi.advanceTimersByTimeAsync(1_000)
  expect(record.looks).toBe(looks)
})

test("rejects when the database is away, and when the client leaves", async () => {
  const { record, waiter } = givenRecord()
  const leaving = new AbortController()
  const left = waiter.until(at(1), 1_000, leaving.signal)
  const isLeft = expect(left).rejects.toThrow("the client left")
  await vi.advanceTimersByTimeAsync(30)
  leaving.abort(new Error("the client left"))
  await isLeft
  record.away = true
  const isAway = expect(waiter.until(at(1), 1_000)).rejects.toThrow("PostgreSQL is away")
  await vi.advanceTimersByTimeAsync(30)
  await isAway
})

test("a position that is missing names the partitions and where they stand", () => {
  expect(missing({ a: { "0": 1, "1": 5 } }, { a: { "0": 2, "1": 5 }, b: { "3": 1 } })).toEqual([
    "a/0 stands at 1, not yet at 2",
    "b/3 stands at 0, not yet at 1",
  ])
})
