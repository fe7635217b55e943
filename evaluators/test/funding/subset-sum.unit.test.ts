import fc from "fast-check"
import { expect, test } from "vitest"
import { partsMax, subsetsWithSum } from "../../src/funding/subset-sum.ts"

test("finds every subset of two or more parts with the sum, and no other", () => {
  expect(subsetsWithSum([1n, 2n, 3n], 3n, 9)).toEqual([[0, 1]])
  expect(subsetsWithSum([1n, 2n, 3n], 6n, 9)).toEqual([[0, 1, 2]])
  expect(subsetsWithSum([3n], 3n, 9)).toEqual([])
  fc.assert(
    fc.property(fc.array(fc.bigInt(1n, 6n), { maxLength: 6 }), fc.bigInt(1n, 20n), (parts, total) => {
      for (const subset of subsetsWithSum(parts, total, 99)) {
        expect(subset.length).toBeGreaterThan(1)
        expect(subset.reduce((sum, index) => sum + (parts[index] ?? 0n), 0n)).toBe(total)
      }
    }),
  )
})

test("tries only all of them together when there are too many to search", () => {
  const parts = Array.from({ length: partsMax + 1 }, () => 1n)
  expect(subsetsWithSum(parts, 2n, 9)).toEqual([])
  expect(subsetsWithSum(parts, BigInt(partsMax + 1), 9)).toEqual([parts.map((_, index) => index)])
})
