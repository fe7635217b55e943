import type { ReplayEvent } from "@landfall/evaluators/alerts/replay"
import fc from "fast-check"
import { expect, it } from "vitest"
import { eventCursor } from "../../src/replay/event-cursor.ts"

const event = (offset: number): ReplayEvent => ({
  topic: "t",
  partition: 0,
  offset,
  kafka_ms: 0,
  record: offset,
})

/** A log with holes, given a page at a time, some of the pages empty; counts how often it was opened. */
const givenLog = (offsets: ReadonlyArray<number>, pageRows: number) => {
  const log = { opened: 0, closed: 0 }
  const open = async function* (from: number) {
    log.opened++
    try {
      const rest = offsets.filter((offset) => offset >= from)
      for (let at = 0; at < rest.length; at += pageRows) {
        yield rest.slice(at, at + pageRows).map(event)
        yield []
      }
    } finally {
      log.closed++
    }
  }
  return { log, open }
}

it("gives every event of each stretch once, in order, whatever the pages and holes", async () => {
  const offsets = fc.uniqueArray(fc.nat({ max: 60 })).map((all) => all.sort((left, right) => left - right))
  const cuts = fc.array(fc.nat({ max: 70 }), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(offsets, cuts, fc.integer({ min: 1, max: 5 }), async (all, ends, pageRows) => {
      const { open } = givenLog(all, pageRows)
      const cursor = eventCursor(open)
      let next = 0
      for (const end of ends) {
        // Back, too: then it is read anew.
        const from = Math.min(next, end)
        const taken: number[] = []
        for (let at = from; at < end; ) {
          const page = await cursor.take(at, end)
          if (page.length === 0) break
          taken.push(...page.map(({ offset }) => offset))
          at = (page.at(-1)?.offset ?? end) + 1
        }
        expect(taken).toEqual(all.filter((offset) => offset >= from && offset < end))
        next = end
      }
      await cursor.close()
    }),
  )
})

it("reads along without beginning again, and ends what it has opened", async () => {
  const { log, open } = givenLog([0, 1, 2, 3, 4, 5], 2)
  const cursor = eventCursor(open)
  for (const [from, to] of [
    [0, 1],
    [1, 4],
    [4, 5],
  ] as const)
    await cursor.take(from, to)
  expect(log).toEqual({ opened: 1, closed: 0 })
  await cursor.take(0, 1)
  expect(log).toEqual({ opened: 2, closed: 1 })
  await cursor.close()
  expect(log).toEqual({ opened: 2, closed: 2 })
})
