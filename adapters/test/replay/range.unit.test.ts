import { describe, expect, it } from "vitest"
import { positionOf, ReplayRefused, stretchesOf } from "../../src/replay/range.ts"

const extents = [
  { partition: 0, first: 10, end: 100 },
  { partition: 1, first: 0, end: 5 },
]
const of = (start: Record<string, number> | null, end: Record<string, number> | null) =>
  stretchesOf("t", extents, { start: start && { t: start }, end: end && { t: end } }, "Kafka")

describe("a replay folds", () => {
  it("everything when nothing is said", () => {
    const all = of(null, null)
    expect(all).toEqual([
      { partition: 0, start: 10, end: 100 },
      { partition: 1, start: 0, end: 5 },
    ])
    expect(positionOf("t", all)).toEqual({ t: { "0": 100, "1": 5 } })
  })

  it("from the beginning of partitions that the start does not name", () => {
    expect(of({ "1": 3 }, null)).toEqual([
      { partition: 0, start: 10, end: 100 },
      { partition: 1, start: 3, end: 5 },
    ])
  })

  it("nothing of partitions that the end does not name: they were not read at that position", () => {
    expect(of(null, { "0": 50 })).toEqual([
      { partition: 0, start: 10, end: 50 },
      { partition: 1, start: 0, end: 0 },
    ])
    expect(of({ "1": 3 }, { "0": 50 })[1]).toMatchObject({ start: 0, end: 0 })
  })
})

describe("a position that there is not is refused", () => {
  it.each([
    ["before the log", { "0": 9 }, null, "begins at offset 10 of t/0, and the start is 9"],
    ["beyond the log", null, { "0": 101, "1": 5 }, "ends at offset 100 of t/0, and the end is 101"],
    ["start after end", { "0": 60 }, { "0": 50 }, "is 60, which is after its end 50"],
    ["start beyond the log", { "1": 6 }, null, "is 6, which is after its end 5"],
    ["unknown partition", { "7": 0 }, null, "has no partition 7 of t: it has 0, 1"],
  ])("%s", (_, start, end, message) => {
    expect(() => of(start, end)).toThrow(ReplayRefused)
    expect(() => of(start, end)).toThrow(message)
  })

  it("and so is one of another topic", () => {
    expect(() => stretchesOf("t", extents, { start: null, end: { other: { "0": 1 } } }, "Kafka")).toThrow(
      "the end names no partition of t",
    )
  })
})
