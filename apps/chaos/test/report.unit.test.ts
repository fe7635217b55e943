import { expect, it } from "vitest"
import { brokenOf, type Outcome } from "../src/outcome.ts"
import { repetition, reportOf } from "../src/report.ts"

const outcome: Outcome = {
  seed: 7,
  minutes: 2,
  rate: 2_000,
  injected: [
    { at_ms: 4_000, fault: { kind: "postgres_killed" }, took_ms: 900, failed: null },
    { at_ms: 9_000, fault: { kind: "postgres_killed" }, took_ms: 100, failed: "it | was\naway" },
    { at_ms: 12_000, fault: { kind: "bitcoin_reorg", depth: 6, empty: true }, took_ms: 50, failed: null },
  ],
  events: 240_000,
  chaos_ms: 120_000,
  deposits: { bitcoin: 40, gnosis: 20, replaced: 3 },
  liveness: [{ what: "every service is ready", after_ms: 1_234, missing: "", waited: "lag" }],
  held: [{ what: "each place is taken once", seen: "9 looks", broken: [] }],
  ownEnds: [],
  remarks: [],
}
const circumstances = { started_at: "2026-01-01T00:00:00.000Z", machine: "2 cores", load: "1.0" }

it("a report says what was injected, how often, what held, and how to repeat it", () => {
  const report = reportOf(outcome, circumstances)
  expect(report).toContain("Everything held. 2 faults within 2.0 minutes, 240000 events (2000 a second)")
  expect(report).toContain("| postgres killed | 1 | 1 |")
  expect(report).toContain("| each place is taken once | 9 looks | never |")
  expect(report).toContain("| every service is ready | 1.2 s | lag |")
  expect(report).toContain("| 9.0 s | postgres killed | 0.1 s | not made: it \\| was away |")
  expect(report).toContain("`npm run chaos -- --seed 7 --minutes 2`")
})

it("a report begins with what did not hold, whether along the way or after the healing", () => {
  const bad: Outcome = {
    ...outcome,
    held: [{ what: "each place is taken once", seen: "9 looks", broken: ["ops.alert/0 twice"] }],
    liveness: [
      { what: "every service is ready", after_ms: null, missing: "ops-sentinel: lagging", waited: "" },
    ],
  }
  expect(brokenOf(bad)).toHaveLength(2)
  const report = reportOf(bad, circumstances)
  expect(report).toContain("**2 did not hold.**")
  expect(report).toContain("- each place is taken once: ops.alert/0 twice")
  expect(report).toContain("- every service is ready, within a minute of the healing: ops-sentinel: lagging")
})

it("another rate is part of the repetition", () => {
  expect(repetition({ ...outcome, rate: 50 })).toBe("npm run chaos -- --seed 7 --minutes 2 --rate 50")
})
