import { describe, expect, it } from "vitest"
import { median, quantile, ratios } from "../src/report/statistics.ts"

describe("the median", () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])("of %j is %d", (values, expected) => expect(median(values)).toBe(expected))

  it("leaves the values in their order", () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })

  it("of nothing is no number", () => expect(median([])).toBeNaN())
})

describe("a quantile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])("at %d of 1 to 100 is %d", (share, expected) => expect(quantile(hundred, share)).toBe(expected))

  it("of few values is one of them, and the p99 the largest", () => {
    expect(quantile([7, 5, 6], 0.99)).toBe(7)
    expect(quantile([7, 5, 6], 0.5)).toBe(6)
  })
})

describe("ratios", () => {
  it("are taken run by run", () => expect(ratios([2, 9], [1, 3])).toEqual([2, 3]))

  it("need as many runs on both sides", () => expect(() => ratios([1], [1, 2])).toThrow("1 runs"))
})
