import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { deadlineQueue, type Queued } from "../../src/alerts/deadline-queue.ts"

interface Item extends Queued {
  readonly name: number
}

const item = (name: number): Item => ({ name, due_ms: Number.POSITIVE_INFINITY, place: -1 })

const deadline = fc.oneof(
  { arbitrary: fc.nat({ max: 50 }), weight: 8 },
  fc.constantFrom(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
)

describe("a queue of deadlines", () => {
  it("gives what is due, earliest first, each item once, however deadlines were moved", () => {
    const step = fc.oneof(
      fc.record({ set: fc.nat({ max: 15 }), to: deadline }),
      fc.record({ takeUpTo: fc.nat({ max: 60 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const queue = deadlineQueue<Item>()
        const items = Array.from({ length: 16 }, (_, name) => item(name))
        const model = new Map<Item, number>()
        for (const one of steps) {
          if ("set" in one) {
            const target = items[one.set]
            if (target === undefined) continue
            queue.set(target, one.to)
            if (one.to === Number.POSITIVE_INFINITY) model.delete(target)
            else model.set(target, one.to)
          } else {
            const taken = queue.takeDue(one.takeUpTo)
            const earliest = Math.min(...model.values())
            if (taken === undefined) expect(earliest).toBeGreaterThan(one.takeUpTo)
            else {
              expect(taken.due_ms).toBe(earliest)
              expect(model.get(taken)).toBe(earliest)
              expect(taken.place).toBe(-1)
              model.delete(taken)
            }
          }
          expect(queue.size()).toBe(model.size)
        }
      }),
    )
  })

  it("moves few items for one deadline, however many wait", () => {
    const queue = deadlineQueue<Item>()
    const items = Array.from({ length: 100_000 }, (_, name) => item(name))
    items.forEach((one, place) => {
      queue.set(one, (place * 7919) % 100_003)
    })
    const before = queue.moves()
    const first = items[0]
    if (first === undefined) throw new Error("there are items")
    for (const due_ms of [Number.NEGATIVE_INFINITY, 1_000_000, 50_000]) queue.set(first, due_ms)
    // The heap is 17 levels deep.
    expect(queue.moves() - before).toBeLessThanOrEqual(3 * 18)
  })
})
