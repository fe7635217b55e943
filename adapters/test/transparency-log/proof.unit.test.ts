import { askTlogCheck } from "@landfall/setup/parts/tlog-check"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  consistencyRanges,
  extendsLog,
  includes,
  inclusionRanges,
  rangeRoots,
} from "../../src/transparency-log/proof.ts"
import { proveConsistency, proveInclusion, rootOf } from "./given-log.ts"
import { leafOf } from "./naive-tree.ts"

const leavesOf = (size: number): ReadonlyArray<Buffer> =>
  Array.from({ length: size }, (_, index) => leafOf(Buffer.from(`leaf ${index}`)))

const base64 = (hashes: ReadonlyArray<Buffer>): ReadonlyArray<string> =>
  hashes.map((hash) => hash.toString("base64"))

/** Every log up to this size, and every leaf or older size of it. */
const sizeMax = 33
const pairs = Array.from({ length: sizeMax }, (_, one) => one + 1).flatMap((size) =>
  Array.from({ length: size }, (_, index) => ({ size, index })),
)

describe("a proof", () => {
  it("of inclusion is the one that Go's sumdb makes, for every leaf of every small log", () => {
    const leaves = leavesOf(sizeMax)
    const answers = askTlogCheck(
      pairs.map(({ size, index }) => ({
        op: "prove inclusion",
        leaves: base64(leaves.slice(0, size)),
        size,
        index,
      })),
    )
    for (const [place, { size, index }] of pairs.entries())
      expect(base64(proveInclusion(leaves.slice(0, size), index)), `leaf ${index} of ${size}`).toEqual(
        answers[place]?.proof ?? [],
      )
  })

  it("of consistency is the one that Go's sumdb makes, for every older size of every small log", () => {
    const leaves = leavesOf(sizeMax)
    const answers = askTlogCheck(
      pairs.map(({ size, index }) => ({
        op: "prove consistency",
        leaves: base64(leaves.slice(0, size)),
        size,
        old_size: index + 1,
      })),
    )
    for (const [place, { size, index }] of pairs.entries())
      expect(base64(proveConsistency(leaves.slice(0, size), index + 1)), `${index + 1} of ${size}`).toEqual(
        answers[place]?.proof ?? [],
      )
  })

  it("is accepted by us and by Go's sumdb alike, also for large logs", () => {
    const leaves = leavesOf(1_000)
    const root = rootOf(leaves)
    const requests = [0, 1, 511, 512, 998, 999].flatMap((index) => {
      const oldSize = index + 1
      const inclusion = proveInclusion(leaves, index)
      const consistency = proveConsistency(leaves, oldSize)
      const leaf = leaves[index] as Buffer
      const oldRoot = rootOf(leaves.slice(0, oldSize))
      expect(includes(inclusion, { index, leaf, size: 1_000, root })).toBe(true)
      expect(extendsLog(consistency, { size: oldSize, root: oldRoot }, { size: 1_000, root })).toBe(true)
      const now = { size: 1_000, root: root.toString("base64") }
      return [
        { op: "check inclusion", proof: base64(inclusion), index, leaf: leaf.toString("base64"), ...now },
        {
          op: "check consistency",
          proof: base64(consistency),
          old_size: oldSize,
          old_root: oldRoot.toString("base64"),
          ...now,
        },
      ]
    })
    expect(askTlogCheck(requests)).toEqual(requests.map(() => ({})))
  })
})

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const log = fc
  .integer({ min: 1, max: 70 })
  .chain((size) =>
    fc.record({ size: fc.constant(size), at: fc.integer({ min: 0, max: size - 1 }), other: hash }),
  )

/** A proof with one thing wrong: a hash changed, left out, added, or two that changed places. */
const spoil = (
  proof: ReadonlyArray<Buffer>,
  way: number,
  place: number,
  other: Buffer,
): ReadonlyArray<Buffer> => {
  const at = proof.length === 0 ? 0 : place % proof.length
  if (way === 0 || proof.length === 0) return proof.toSpliced(at, 0, other)
  if (way === 1) return proof.toSpliced(at, 1)
  if (way === 2) return proof.with(at, other)
  const next = (at + 1) % proof.length
  return proof.with(at, proof[next] as Buffer).with(next, proof[at] as Buffer)
}

describe("a spoilt proof", () => {
  it("of inclusion is refused: changed, truncated, lengthened or swapped hashes, another leaf, index, size or root", () => {
    fc.assert(
      fc.property(log, fc.nat({ max: 3 }), fc.nat({ max: 9 }), ({ size, at, other }, way, place) => {
        const leaves = leavesOf(size)
        const claim = { index: at, leaf: leaves[at] as Buffer, size, root: rootOf(leaves) }
        const proof = proveInclusion(leaves, at)
        expect(includes(proof, claim)).toBe(true)
        const spoilt = spoil(proof, way, place, other)
        expect(includes(spoilt, claim)).toBe(base64(spoilt).join() === base64(proof).join())
        expect(includes(proof, { ...claim, leaf: other })).toBe(false)
        expect(includes(proof, { ...claim, root: other })).toBe(false)
        for (const index of [at - 1, at + 1, size, -1, 0.5])
          expect(includes(proof, { ...claim, index })).toBe(false)
        expect(includes([...proof.slice(1), Buffer.alloc(31)], claim)).toBe(false)
      }),
      { seed: 20_261_123 },
    )
  })

  it("of consistency is refused: changed, truncated, lengthened or swapped hashes, another size or root", () => {
    fc.assert(
      fc.property(log, fc.nat({ max: 3 }), fc.nat({ max: 9 }), ({ size, at, other }, way, place) => {
        const leaves = leavesOf(size)
        const old = { size: at + 1, root: rootOf(leaves.slice(0, at + 1)) }
        const now = { size, root: rootOf(leaves) }
        const proof = proveConsistency(leaves, old.size)
        expect(extendsLog(proof, old, now)).toBe(true)
        const spoilt = spoil(proof, way, place, other)
        expect(extendsLog(spoilt, old, now)).toBe(base64(spoilt).join() === base64(proof).join())
        expect(extendsLog(proof, { ...old, root: other }, now)).toBe(false)
        expect(extendsLog(proof, old, { ...now, root: other })).toBe(false)
        expect(extendsLog(proof, now, old)).toBe(size === old.size)
      }),
      { seed: 20_261_123 },
    )
  })

  it("of a log that was rewritten is refused, whatever is offered", () => {
    const leaves = leavesOf(20)
    const rewritten = leaves.with(3, leafOf(Buffer.from("another")))
    const old = { size: 10, root: rootOf(leaves.slice(0, 10)) }
    for (let size = 10; size <= 20; size++)
      expect(
        extendsLog(proveConsistency(rewritten.slice(0, size), 10), old, {
          size,
          root: rootOf(rewritten.slice(0, size)),
        }),
      ).toBe(false)
  })

  it("of the empty log needs nothing, and shows nothing but that it was empty", () => {
    const now = { size: 3, root: rootOf(leavesOf(3)) }
    expect(extendsLog([], { size: 0, root: rootOf([]) }, now)).toBe(true)
    expect(extendsLog([], { size: 0, root: now.root }, now)).toBe(false)
    expect(extendsLog([now.root], { size: 0, root: rootOf([]) }, now)).toBe(false)
  })
})

describe("what a proof needs", () => {
  it("grows with the logarithm of the log", () => {
    expect(inclusionRanges(5_000_000, 2 ** 40).length).toBe(40)
    expect(consistencyRanges(5_000_000, 2 ** 40).length).toBeLessThanOrEqual(41)
  })

  it("is not there when the log ends early", () => {
    const roots = rangeRoots(inclusionRanges(0, 5))
    roots.add(leavesOf(4))
    expect(() => roots.roots()).toThrow("the log ended after 4 leaves")
  })

  it.each([
    [5, 5],
    [-1, 5],
    [0.5, 5],
    [0, 2 ** 53],
  ])("is not asked for leaf %s of %s", (index, size) => {
    expect(() => inclusionRanges(index, size)).toThrow(`no leaf ${index}`)
  })
})
