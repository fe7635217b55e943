import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type AlertPolicy,
  canonicalPolicy,
  defaultPolicyFile,
  readPolicy,
  successionProblems,
} from "../../src/alerts/policy.ts"
import { declaredSince } from "../../src/alerts/state.ts"

const read = (json: unknown): AlertPolicy => {
  const result = readPolicy(json)
  if (!result.ok) throw new Error(result.problems.join("\n"))
  return result.policy
}

const problems = (json: unknown): ReadonlyArray<string> => {
  const result = readPolicy(json)
  return result.ok ? [] : result.problems
}

describe("the policy file", () => {
  it("is read with its defaults filled in", () => {
    const policy = read(defaultPolicyFile)
    expect(policy.rules.reference_price_stale).toEqual({
      severity: "critical",
      clear_after_ms: 0,
      max_age_ms: 30_000,
    })
    expect(policy.rules.executor_submission_failed.clear_after_ms).toBe(900_000)
  })

  it("is refused with every problem at once, each with its place", () => {
    const wrong = {
      ...defaultPolicyFile,
      version: 0,
      colour: "red",
      rules: {
        ...defaultPolicyFile.rules,
        reference_price_stale: { max_age_ms: -1, max_age: 5, severity: "loud" },
        funding_stuck: {},
        unknown_rule: {},
      },
      expected: { pairs: [""] },
    }
    expect(problems(wrong).toSorted()).toEqual([
      expect.stringMatching(/^colour: /),
      expect.stringMatching(/^expected\.pairs\.0: /),
      expect.stringMatching(/^rules\.funding_stuck\.window_ms: /),
      expect.stringMatching(/^rules\.reference_price_stale\.max_age: /),
      expect.stringMatching(/^rules\.reference_price_stale\.max_age_ms: /),
      expect.stringMatching(/^rules\.reference_price_stale\.severity: /),
      expect.stringMatching(/^rules\.unknown_rule: /),
      expect.stringMatching(/^version: /),
    ])
  })

  it.each([null, 5, "policy", [], {}])("is refused when it is %j", (json) => {
    expect(problems(json).length).toBeGreaterThan(0)
  })

  it("is refused when a milder funding alert could never raise, or a subject is listed against itself", () => {
    const conflicting = {
      ...defaultPolicyFile,
      rules: { ...defaultPolicyFile.rules, funding_stuck: { window_ms: 3_600_000 } },
      expected: { pairs: ["BTC/EURe", "BTC/EURe"], accounts: ["desk.near"] },
      retired: { accounts: ["desk.near"] },
    }
    expect(problems(conflicting)).toEqual([
      expect.stringContaining("rules.funding_seen_unconfirmed.window_ms"),
      expect.stringContaining("rules.funding_confirmed_credit_pending.window_ms"),
      expect.stringContaining("expected.pairs: BTC/EURe is there twice"),
      expect.stringContaining("expected.accounts: desk.near is also in retired.accounts"),
    ])
  })

  it("never throws, whatever it is given", () => {
    fc.assert(fc.property(fc.anything(), (json) => void readPolicy(json)))
  })

  it("has one canonical form, which reads as itself", () => {
    const spelledOut = {
      retired: {},
      expected: { accounts: [], pairs: ["b", "a"] },
      rules: Object.fromEntries(Object.entries(defaultPolicyFile.rules).reverse()),
      version: 1,
    }
    const short = { ...defaultPolicyFile, expected: { pairs: ["a", "b"] } }
    expect(canonicalPolicy(read(spelledOut))).toBe(canonicalPolicy(read(short)))
    expect(canonicalPolicy(read(JSON.parse(canonicalPolicy(read(short)))))).toBe(canonicalPolicy(read(short)))
  })
})

describe("versions of the policy", () => {
  const recorded_at = "2026-11-23T09:00:00.000Z"
  const second = read({ ...defaultPolicyFile, version: 2 })
  const recorded = [
    { recorded_at, policy: read(defaultPolicyFile) },
    { recorded_at, policy: second },
  ]

  it("go on with the same content or a greater version, and with nothing else", () => {
    expect(successionProblems(second, recorded)).toEqual([])
    expect(successionProblems({ ...second, version: 3 }, recorded)).toEqual([])
    expect(successionProblems(second, [])).toEqual([])
    expect(successionProblems({ ...second, version: 1 }, recorded)).toEqual([
      expect.stringContaining("raise it to 3"),
    ])
    expect(
      successionProblems({ ...second, expected: { pairs: ["BTC/EURe"], accounts: [] } }, recorded),
    ).toEqual([expect.stringContaining("raise it to 3")])
  })

  it("declare a subject since the first of those that name it without a gap", () => {
    const at = (hour: number, pairs: ReadonlyArray<string>) => ({
      recorded_at: `2026-11-23T0${hour}:00:00.000Z`,
      policy: { ...second, expected: { pairs, accounts: [] } },
    })
    const history = [at(1, ["a"]), at(2, []), at(3, ["a"]), at(4, ["a", "b"])]
    expect(declaredSince(history, "pairs", "a")).toBe(Date.parse("2026-11-23T03:00:00.000Z"))
    expect(declaredSince(history, "pairs", "b")).toBe(Date.parse("2026-11-23T04:00:00.000Z"))
    expect(declaredSince(history.slice(0, 2), "pairs", "a")).toBeNull()
  })
})
