import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { append, emptyLog, root } from "../../src/transparency-log/merkle-log.ts"
import { extensionOf, sharedLeaves } from "../../src/verify/extension.ts"
import { leafOf } from "../transparency-log/naive-tree.ts"

const leavesOf = (count: number, of = "leaf"): ReadonlyArray<Buffer> =>
  Array.from({ length: count }, (_, at) => leafOf(Buffer.from(`${of} ${at}`)))
const logOf = (leaves: ReadonlyArray<Buffer>) => append(emptyLog, leaves)

/** The stated log of `now` held against an older size, with the leaves of `rows` and nothing before the first that it asks for. */
const held = (
  now: ReadonlyArray<Buffer>,
  oldSize: number,
  { rows = now, page = 7 }: { rows?: ReadonlyArray<Buffer>; page?: number } = {},
) => {
  const extension = extensionOf(logOf(now), oldSize)
  for (let at = extension.from; at < rows.length; at += page) extension.add(rows.slice(at, at + page))
  return extension.end()
}

/** A log, an older size of it, and how many leaves are given at once. */
const grown = fc
  .nat({ max: 200 })
  .chain((size) =>
    fc.record({ size: fc.constant(size), old: fc.nat({ max: size }), page: fc.integer({ min: 1, max: 40 }) }),
  )

describe("a stated log against an older size of it", () => {
  it("shows the root that it had then, however its leaves are paged", () => {
    fc.assert(
      fc.property(grown, ({ size, old, page }) => {
        const leaves = leavesOf(size)
        const { then, fits } = held(leaves, old, { page })
        expect(fits).toBe(true)
        expect(then).toEqual(root(logOf(leaves.slice(0, old))))
      }),
    )
  })

  it("never shows the old root for a log of which one older leaf is another", () => {
    fc.assert(
      fc.property(grown, fc.nat(), ({ size, old, page }, any) => {
        fc.pre(old > 0)
        const leaves = leavesOf(size)
        const rewritten = leaves.with(any % old, leafOf(Buffer.from("another")))
        // Whether the whole record was rewritten, its checkpoint alone, or its rows alone.
        const attested = root(logOf(leaves.slice(0, old)))
        for (const [now, rows] of [
          [rewritten, rewritten],
          [rewritten, leaves],
          [leaves, rewritten],
        ] as const) {
          const { then, fits } = held(now, old, { rows, page })
          // Of leaves before the first that is needed the rows are not asked: there the stated edge is the attested one.
          const unread = any % old < sharedLeaves(old, size) && now === leaves
          expect(fits && then?.equals(attested) === true).toBe(unread)
        }
      }),
    )
  })

  it("fits only when the leaves lead to what is stated: not too few of them, not too many, not others", () => {
    fc.assert(
      fc.property(grown, ({ size, old, page }) => {
        fc.pre(sharedLeaves(old, size) < size)
        const leaves = leavesOf(size)
        expect(held(leaves, old, { rows: leaves.slice(0, -1), page }).fits).toBe(false)
        expect(held(leaves, old, { rows: [...leaves, ...leavesOf(1, "more")], page }).fits).toBe(false)
        expect(
          held(leaves, old, { rows: [...leaves.slice(0, -1), ...leavesOf(1, "other")], page }).fits,
        ).toBe(false)
      }),
    )
  })

  it("needs no leaf at the same size, and of a log that grew a little mostly few", () => {
    expect(sharedLeaves(5_000_000, 5_000_000)).toBe(5_000_000)
    expect(sharedLeaves(5_000_010, 5_000_060)).toBe(5_000_000)
    expect(sharedLeaves(0, 9)).toBe(0)
    expect(sharedLeaves(8, 9)).toBe(8)
    expect(sharedLeaves(7, 8)).toBe(0)
    expect(sharedLeaves(2 ** 52, 2 ** 52 + 1)).toBe(2 ** 52)
  })

  it("cannot be held against a size that it never had", () => {
    for (const size of [4, -1, 0.5])
      expect(() => extensionOf(logOf(leavesOf(3)), size)).toThrow("cannot extend")
  })
})
