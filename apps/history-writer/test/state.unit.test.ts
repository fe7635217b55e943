import type { PartitionStatus } from "@landfall/adapters/history/history-writer"
import { topics } from "@landfall/domain/registry"
import { describe, expect, it } from "vitest"
import { conditionsOf, nothingSeen, observe } from "../src/progress.ts"
import { positionOf, readinessOf, stateOf } from "../src/state.ts"

const partition = (changes: Partial<PartitionStatus> = {}): PartitionStatus => ({
  topic: "ops.funding_observation",
  partition: 0,
  next_offset: 120,
  end_offset: 120,
  lag: 0,
  evidence: 100,
  duplicates: 15,
  dead_letters: 5,
  updated_at: "2026-01-01T00:00:00.000Z",
  ...changes,
})

const writer = (partitions: ReadonlyArray<PartitionStatus>, trouble: string | null = null) => ({
  partitions: () => partitions,
  trouble: () => trouble,
})

describe("the state", () => {
  it("sums a topic's partitions and shows the latest write", () => {
    const state = stateOf(
      writer([
        partition(),
        partition({
          partition: 3,
          next_offset: 10,
          end_offset: 12,
          lag: 2,
          evidence: 10,
          duplicates: 0,
          dead_letters: 0,
          updated_at: "2026-01-01T00:00:01.000Z",
        }),
      ]),
    )
    expect(state.funding_observations).toEqual({
      topic: "ops.funding_observation",
      evidence_table: "funding_observations",
      count: 110,
      duplicates: 15,
      dead_letters: 5,
      latest_write_at: "2026-01-01T00:00:01.000Z",
      offsets: { "0": { next: 120, end: 120 }, "3": { next: 10, end: 12 } },
      lag: 2,
      write_status: "ok",
    })
    expect(state.latest_write_at).toBe("2026-01-01T00:00:01.000Z")
  })

  it("lists every topic, and shows one whose partitions another instance has as idle", () => {
    const state = stateOf(writer([partition()]))
    expect(state.topics.map(({ topic }) => topic)).toEqual(topics.map(({ name }) => name))
    expect(state.ops_alerts).toMatchObject({
      write_status: "idle",
      count: 0,
      lag: 0,
      latest_write_at: null,
      offsets: {},
    })
  })

  it("tells of no write for a partition that nothing was ever written of", () => {
    const untouched = partition({ evidence: 0, duplicates: 0, dead_letters: 0 })
    expect(stateOf(writer([untouched])).latest_write_at).toBeNull()
  })

  it.each([
    ["ok", 10_000, null],
    ["lagging", 10_001, null],
    ["failing", 0, "PostgreSQL is away"],
    ["failing", 10_001, "PostgreSQL is away"],
  ])("says %s at a lag of %d with the trouble %s", (status, lag, trouble) => {
    const state = stateOf(writer([partition({ lag })], trouble))
    expect(state.funding_observations?.write_status).toBe(status)
    expect(state.trouble).toBe(trouble)
  })

  it("does not know the lag before the broker has told every partition's end", () => {
    const state = stateOf(writer([partition(), partition({ partition: 1, end_offset: null, lag: null })]))
    expect(state.funding_observations?.lag).toBeNull()
  })
})

describe("readiness", () => {
  const limits = { lagging_from: 10_000, stalled_after_ms: 30_000 }
  const conditions = (partitions: ReadonlyArray<PartitionStatus>, letters = new Map<string, number>()) =>
    conditionsOf(observe(nothingSeen, partitions, 0), letters, 0, limits)

  it("is given when nothing is wrong and all is read, also without partitions of its own", () => {
    for (const partitions of [[partition()], []])
      expect(readinessOf(writer(partitions), conditions(partitions))).toEqual({
        ready: true,
        reasons: [],
        partitions: [],
        rebuilding: [],
      })
  })

  it("is not given while a snapshot is rebuilt, and says which, how far and for how long", () => {
    const rebuilding = [
      {
        projection: "market_price",
        from_version: 1,
        to_version: 2,
        phase: "folding" as const,
        events: 10,
        total: 40,
        estimate_seconds: 3,
        trouble: null,
      },
    ]
    const partitions = [partition()]
    expect(readinessOf(writer(partitions), conditions(partitions), rebuilding)).toEqual({
      ready: false,
      reasons: ["market_price is rebuilding from version 1 to 2: 10 of 40 events folded, about 3 s left"],
      partitions: [],
      rebuilding,
    })
  })

  it("is not given while there is trouble, a partition is far behind, or its end is not known", () => {
    const behind = [
      partition({ lag: 10_001 }),
      partition({ partition: 1, lag: null }),
      partition({ partition: 2 }),
    ]
    expect(readinessOf(writer(behind, "waiting for partitions"), conditions(behind))).toMatchObject({
      ready: false,
      reasons: [
        "waiting for partitions",
        "ops.funding_observation/0 is 10001 messages behind",
        "ops.funding_observation/1 is an unknown number of messages behind",
      ],
      partitions: [
        { partition: 0, condition: "lagging" },
        { partition: 1, condition: "unknown" },
      ],
    })
  })

  it("tells of dead letters without being refused for them", () => {
    const letters = new Map([["ops.funding_observation/0", 3]])
    expect(readinessOf(writer([partition()]), conditions([partition()], letters))).toMatchObject({
      ready: true,
      reasons: [],
      partitions: [{ partition: 0, condition: "poisoned", open_dead_letters: 3 }],
    })
  })
})

it("the position is the next offset of each partition by topic", () => {
  const partitions = [
    partition(),
    partition({ partition: 2, next_offset: 7 }),
    partition({ topic: "ops.alert", next_offset: 1 }),
  ]
  expect(positionOf(partitions)).toEqual({
    "ops.funding_observation": { "0": 120, "2": 7 },
    "ops.alert": { "0": 1 },
  })
})
