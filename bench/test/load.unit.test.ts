import { recordDecoder } from "@landfall/domain/codec"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { fold } from "@landfall/projections/fold"
import { fundingHandle } from "@landfall/projections/funding-handle"
import { describe, expect, it } from "vitest"
import { issuedHandles } from "../src/load/handles.ts"
import { Handover } from "../src/load/handover.ts"
import { cpuMsOf, metricOf, processSample, rssOf } from "../src/load/process-sample.ts"
import { sharingSection } from "../src/load/sharing-section.ts"
import { perEvent, rateOf, tenthsOf } from "../src/load/tenths.ts"
import { tickLife, waiting } from "../src/load/tick-life.ts"
import type { Shared } from "../src/load/watch-sharing.ts"

describe("what the kernel says of a process", () => {
  const stat = "42 (node (a) b) S 1 42 42 0 -1 4194560 100 200 0 0 250 50 30 70 20 0 11 0 1 2 3"

  it("is read past a name with brackets and spaces", () => {
    expect(cpuMsOf(stat)).toBe(3_000)
    expect(cpuMsOf(stat, "with children")).toBe(4_000)
  })

  it("has the resident memory in bytes, and none of a process that is a zombie", () => {
    expect(rssOf("Name:\tnode\nVmHWM:\t  900 kB\nVmRSS:\t  800 kB\n")).toBe(819_200)
    expect(rssOf("Name:\tnode\nState:\tZ (zombie)\n")).toBe(0)
  })

  it("is nothing of a process that is not there", async () => {
    const own = await processSample(process.pid)
    expect(own.files).toBeGreaterThan(2)
    expect(own.rss_bytes).toBeGreaterThan(1e6)
    expect(await processSample(2 ** 22 + 1)).toEqual({ rss_bytes: 0, cpu_ms: 0, files: 0 })
  })
})

it("a metric is the sum over its labels, and no other whose name it begins", () => {
  const text = [
    "# HELP lag Messages.",
    'lag{topic="a",partition="0"} 3',
    'lag{topic="a",partition="1"} 4.5e1',
    "lag_total 1000",
    "lag 2",
  ].join("\n")
  expect(metricOf(text, "lag")).toBe(50)
  expect(metricOf(text, "lag", 'partition="1"')).toBe(45)
  expect(metricOf(text, "missing")).toBe(0)
})

describe("the tenths of a way", () => {
  const at = (at_ms: number, written: number) => ({ at_ms, written, bytes: written * 3 })
  // Slow in its second half, and looked at unevenly.
  const looks = [
    at(0, 0),
    at(500, 0),
    ...Array.from({ length: 20 }, (_, look) =>
      at(1_000 + (look < 10 ? look : 10 + (look - 10) * 2) * 100, 51 * (look + 1)),
    ),
  ]

  it("begin with the last look at which nothing was written, and have no look twice but their ends", () => {
    const steps = tenthsOf(looks, 1_020)
    expect(steps).toHaveLength(10)
    expect(steps[0]?.from).toEqual(at(500, 0))
    expect(steps.map(({ to }) => to.written)).toEqual([102, 204, 306, 408, 510, 612, 714, 816, 918, 1_020])
    expect(steps.map((step) => step.looks.length)).toEqual(Array(10).fill(3))
  })

  it("have rates and shares by what was written between their ends", () => {
    const steps = tenthsOf(looks, 1_020)
    const [middle, last] = [steps[3], steps[9]]
    if (middle === undefined || last === undefined) throw new Error("there are ten")
    expect(rateOf(middle)).toBeCloseTo(510)
    expect(rateOf(last)).toBeCloseTo(255)
    expect(perEvent(last, ({ bytes }) => bytes)).toBe(3)
  })

  it("are refused when there were too few looks", () =>
    expect(() => tenthsOf([at(0, 0), at(1, 50), at(2, 100)], 100)).toThrow("3 looks are too few"))
})

describe("a handover", () => {
  const left = new Map([
    [4, { next: 10, end: 50 }],
    [5, { next: 20, end: 50 }],
    [6, { next: 50, end: 50 }],
  ])

  it("is done when each partition that was not at its end went on", () => {
    const handover = new Handover(1_000, left)
    handover.look(
      2_000,
      new Map([
        [4, 10],
        [5, 20],
        [6, 50],
      ]),
    )
    expect(handover.result()).toBeNull()
    handover.look(
      3_000,
      new Map([
        [4, 10],
        [5, 21],
        [6, 50],
      ]),
    )
    expect(handover.result()).toBeNull()
    handover.look(
      4_500,
      new Map([
        [4, 11],
        [5, 40],
        [6, 50],
      ]),
    )
    expect(handover.result()).toEqual({ first_ms: 2_000, all_ms: 3_500 })
  })

  it("is none when nothing was left to do", () =>
    expect(new Handover(0, new Map([[6, { next: 50, end: 50 }]])).result()).toBeNull())
})

it("handles are issued to one account, each once", () => {
  const decode = recordDecoder(liquidityActionTopic)
  const actions = Array.from(issuedHandles(50), ({ value }) => {
    const decoded = decode(Buffer.from(value))
    if (!decoded.ok) throw new Error(decoded.reason)
    return decoded.record
  })
  expect([...fold(fundingHandle, actions).values()].filter(({ active }) => active)).toHaveLength(50)
})

it("transfers that live for hours are late, and in time again, and wait in the queue once each", () => {
  const transfers = 40
  const life = tickLife(transfers)
  let [raised, cleared] = [0, 0]
  // Of those that wait 90 minutes each is late once in three hours.
  for (let step = 0; step < 4 * 7_200; step++) {
    const { alerts } = life.step()
    if (alerts === 0) continue
    const active = [...life.state.alerts.values()].filter(({ status }) => status === "raised").length
    if (active > raised - cleared) raised += alerts
    else cleared += alerts
    expect(waiting(life.state)).toBeLessThanOrEqual(transfers)
  }
  expect(raised).toBeGreaterThanOrEqual(4)
  expect(cleared).toBeGreaterThanOrEqual(4)
  expect(life.state.alerts.size).toBe(4)
})

it("what writers shared is told writer by writer, with what each event cost", () => {
  const part = { partitions: 4, partitions_last: 8, events: 600, batches: 6, cpu_ms: 12, rss_bytes: 3e8 }
  const shared: Shared = {
    scenario: { writers: 2, ends: "killed" },
    took_ms: 2_000,
    parts: [part, { ...part, partitions_last: 0, events: 400 }],
    postgres_cpu_ms: 20,
    broker_cpu_ms: 1,
    handed_over: { first_ms: 9_000, all_ms: 11_000 },
    retried: 0,
  }
  const section = sharingSection({ events: 1_000, bytes: 650, partitions: 8 }, [
    shared,
    {
      ...shared,
      scenario: { writers: 1, ends: "none" },
      parts: [{ ...part, events: 1_000 }],
      handed_over: null,
    },
  ])
  expect(section.figures.map(({ name, runs }) => [name, runs])).toEqual([
    ["1 writer", [500]],
    ["1 writer: processor time of the writers an event", [12]],
    ["1 writer: processor time of PostgreSQL an event", [20]],
  ])
  expect(section.results).toMatchObject([{ unit: "s", runs: [11] }])
  expect(section.remarks[0]).toContain(
    "| 2 writers, one killed in the middle | 2.0 | 1 | 4 | 8 | 600 | 100 | 20.0 | 300 |",
  )
})
