import type { PartitionStatus } from "@landfall/adapters/history/history-writer"
import { describe, expect, it } from "vitest"
import { behindSeconds, conditionsOf, inWords, nothingSeen, observe, type Progress } from "../src/progress.ts"

const topic = "ops.alert"
const limits = { lagging_from: 100, stalled_after_ms: 30_000 }
const noLetters = new Map<string, number>()

const status = (next_offset: number, end_offset: number | null, partition = 0): PartitionStatus => ({
  topic,
  partition,
  next_offset,
  end_offset,
  lag: end_offset === null ? null : end_offset - next_offset,
  evidence: next_offset,
  duplicates: 0,
  dead_letters: 0,
  updated_at: "2026-01-01T00:00:00.000Z",
})

/** Looks once a second: where the partition stood and ended at each. */
const watched = (looks: ReadonlyArray<readonly [next: number, end: number | null]>): Progress =>
  looks.reduce((seen, [next, end], second) => observe(seen, [status(next, end)], second * 1000), nothingSeen)

const conditionsAfter = (looks: ReadonlyArray<readonly [number, number | null]>, letters = noLetters) =>
  conditionsOf(watched(looks), letters, (looks.length - 1) * 1000, limits)

const seconds = (count: number) => Array.from({ length: count }, (_, second) => second)

describe("a partition", () => {
  it("that is written to its end, or nearly, has nothing the matter", () => {
    expect(conditionsAfter([[0, 0]])).toEqual([])
    expect(conditionsAfter(seconds(60).map((second) => [second * 10, second * 10 + 100] as const))).toEqual(
      [],
    )
  })

  it("is unknown before Kafka says where it ends", () => {
    expect(conditionsAfter([[0, null]])).toMatchObject([
      { condition: "unknown", lag: null, estimate_seconds: null },
    ])
  })

  it("that catches up is lagging, with an estimate from the rate of late", () => {
    const looks = seconds(60).map((second) => [second * 1000, 100_000 + second * 500] as const)
    const [condition] = conditionsAfter(looks)
    // The lag is 100,000 − 59 × 500 and shrinks by 500 a second.
    expect(condition).toMatchObject({ condition: "lagging", lag: 70_500, estimate_seconds: 141 })
    expect(inWords(condition as never)).toBe("ops.alert/0 is 70500 messages behind, about 141 s")
  })

  it("that falls further behind is lagging without an estimate", () => {
    const looks = seconds(20).map((second) => [second * 10, 1_000 + second * 50] as const)
    expect(conditionsAfter(looks)).toMatchObject([{ condition: "lagging", estimate_seconds: null }])
  })

  it("is stalled once nothing was written for the whole time, though there is more, and not a look before", () => {
    const standing = (looks: number) => seconds(looks).map(() => [50, 60] as const)
    expect(conditionsAfter(standing(30))).toEqual([])
    const [stalled] = conditionsAfter(standing(31))
    expect(stalled).toMatchObject({
      condition: "stalled",
      lag: 10,
      stalled_seconds: 30,
      estimate_seconds: null,
    })
    expect(inWords(stalled as never)).toBe(
      "ops.alert/0 is stalled: nothing was written for 30 s, and 10 messages wait",
    )
    expect(conditionsAfter([...standing(31), [51, 60]])).toEqual([])
  })

  it("that has nothing to do for hours is not stalled, nor at once when something comes", () => {
    const idle = seconds(100).map(() => [50, 50] as const)
    expect(conditionsAfter([...idle, [50, 51], [50, 51]])).toEqual([])
  })

  it("is poisoned while dead letters of it are open, whatever else is the matter", () => {
    const letters = new Map([["ops.alert/0", 2]])
    expect(conditionsAfter([[5, 5]], letters)).toMatchObject([
      { condition: "poisoned", open_dead_letters: 2 },
    ])
    expect(conditionsAfter([[5, 500]], letters).map(({ condition }) => condition)).toEqual([
      "lagging",
      "poisoned",
    ])
  })

  it("that another instance has taken over is forgotten", () => {
    expect(observe(watched([[0, 1_000]]), [], 1_000)).toEqual(new Map())
  })
})

describe("how far a topic is behind", () => {
  const behind = (progress: Progress, now_ms: number) => behindSeconds(progress, [topic, "other"], now_ms)

  it("is 0 while it is written to its end, then the time since it last was", () => {
    expect(behind(watched([[5, 5]]), 0)).toEqual({ [topic]: 0, other: null })
    expect(
      behind(
        watched([
          [5, 5],
          [5, 6],
          [5, 7],
        ]),
        2_500,
      ),
    ).toEqual({ [topic]: 2.5, other: null })
  })

  it("is that of the partition that is furthest behind, and not known when one never was at its end", () => {
    const two = observe(nothingSeen, [status(5, 5), status(5, 5, 1)], 0)
    expect(behind(observe(two, [status(6, 6), status(5, 9, 1)], 3_000), 4_000)[topic]).toBe(4)
    expect(behind(observe(two, [status(6, 6), status(0, 9, 2)], 3_000), 4_000)[topic]).toBeNull()
  })
})
