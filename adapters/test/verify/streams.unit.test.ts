import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { append, emptyLog, type MerkleLog, root } from "../../src/transparency-log/merkle-log.ts"
import { unexplained } from "../../src/verify/compare-topic.ts"
import { edgeOf } from "../../src/verify/edge.ts"
import { gapsBefore } from "../../src/verify/gaps.ts"
import { inStep } from "../../src/verify/in-step.ts"
import { surplusLeaf } from "../../src/verify/surplus.ts"
import { watchedLog } from "../../src/verify/watched-log.ts"

const seed = 20_261_123
const offsets = fc
  .uniqueArray(fc.nat({ max: 60 }), { maxLength: 40 })
  .map((list) => list.sort((a, b) => a - b))

async function* paged<Item>(items: ReadonlyArray<Item>, size: number): AsyncGenerator<ReadonlyArray<Item>> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

describe("streams in step", () => {
  it("give everything once and in order, whatever the pages are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ list: offsets, page: fc.integer({ min: 1, max: 9 }) }), { maxLength: 4 }),
        async (streams) => {
          const named = streams.map(({ list, page }, stream) =>
            paged(
              list.map((offset) => ({ offset, stream })),
              page,
            ),
          )
          const given = []
          for await (const page of inStep(named)) {
            expect(page.length).toBeGreaterThan(0)
            given.push(...page)
          }
          const all = streams
            .flatMap(({ list }, stream) => list.map((offset) => ({ offset, stream })))
            .sort((left, right) => left.offset - right.offset || left.stream - right.stream)
          expect(given).toEqual(all)
        },
      ),
      { seed },
    )
  })

  it("hold a page of each and no more", async () => {
    let ahead = 0
    async function* counted(): AsyncGenerator<ReadonlyArray<{ offset: number }>> {
      for (let at = 0; at < 100; at++) {
        ahead++
        yield [{ offset: at }]
      }
    }
    let given = 0
    for await (const page of inStep([counted(), paged([{ offset: 50 }], 1)])) {
      given += page.length
      expect(ahead - given).toBeLessThanOrEqual(1)
    }
    expect(given).toBe(101)
  })
})

describe("gaps", () => {
  it("are the offsets that are missing, wherever the list is cut into pages", () => {
    fc.assert(
      fc.property(offsets, fc.nat({ max: 40 }), fc.nat({ max: 10 }), (list, cut, first) => {
        const seen = list.filter((offset) => offset >= first)
        const end = 70
        const one = gapsBefore(first, seen.slice(0, cut))
        const two = gapsBefore(one.next, [...seen.slice(cut), end])
        const missing = [...one.gaps, ...two.gaps].flatMap(({ from, to }) =>
          Array.from({ length: to - from }, (_, at) => from + at),
        )
        expect(missing).toEqual(
          Array.from({ length: end - first }, (_, at) => first + at).filter(
            (offset) => !seen.includes(offset),
          ),
        )
      }),
      { seed },
    )
  })

  it("are explained by Kafka only where it holds the offsets", () => {
    const gaps = [{ from: 3, to: 9 }]
    expect(unexplained(gaps, null)).toEqual(gaps)
    expect(unexplained(gaps, { from: 0, to: 20 })).toEqual([])
    expect(unexplained(gaps, { from: 5, to: 7 })).toEqual([
      { from: 3, to: 5 },
      { from: 7, to: 9 },
    ])
    expect(unexplained(gaps, { from: 20, to: 20 })).toEqual(gaps)
    expect(unexplained(gaps, { from: 0, to: 0 })).toEqual(gaps)
  })
})

const leaves = (count: number): ReadonlyArray<Buffer> =>
  Array.from({ length: count }, (_, at) => Buffer.alloc(32, at % 251))

describe("a watched log", () => {
  it("is seen at each size that was asked for, as it was then", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 80 }),
        fc.array(fc.nat({ max: 90 })),
        fc.integer({ min: 1, max: 30 }),
        (size, sizes, page) => {
          const all = leaves(size)
          const seen: MerkleLog[] = []
          const log = watchedLog(sizes.map((at) => ({ size: at, see: (made) => seen.push(made) })))
          for (let at = 0; at < size; at += page) log.add(all.slice(at, at + page))
          expect(seen.map((made) => made.size)).toEqual(
            sizes.filter((at) => at <= size).sort((a, b) => a - b),
          )
          for (const made of seen) expect(root(made)).toEqual(root(append(emptyLog, all.slice(0, made.size))))
          expect(log.log()).toEqual(append(emptyLog, all))
        },
      ),
      { seed },
    )
  })

  it("has its right edge where the log had it then", () => {
    for (let size = 0; size < 70; size++) {
      const edge = edgeOf(append(emptyLog, leaves(size)))
      expect(edge.at(-1)?.size ?? 0).toBe(size)
      for (const { size: then, root: subtree } of edge)
        expect(append(emptyLog, leaves(size).slice(0, then)).rightEdge.at(-1)).toEqual(subtree)
    }
  })
})

describe("the leaf too many", () => {
  const distinct = (count: number): ReadonlyArray<Buffer> =>
    Array.from({ length: count }, (_, at) => Buffer.alloc(32, at + 1))

  it("is found wherever it was put, in a tree of any height", () => {
    for (const size of [1, 2, 4, 8, 16, 32]) {
      const claimed = root(append(emptyLog, distinct(size)))
      for (let at = 0; at <= size; at++) {
        const stuffed = distinct(size).toSpliced(at, 0, Buffer.alloc(32, 0xee))
        expect(surplusLeaf(stuffed, claimed), `${at} of ${size}`).toBe(at)
      }
    }
  })

  it("is not found when more than that is wrong", () => {
    const claimed = root(append(emptyLog, distinct(8)))
    const stuffed = distinct(8).toSpliced(3, 0, Buffer.alloc(32, 0xee)).with(6, Buffer.alloc(32, 0xdd))
    expect(surplusLeaf(stuffed, claimed)).toBeNull()
  })
})
