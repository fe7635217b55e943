import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { defaultPolicyFile } from "@landfall/evaluators/alerts/policy"
import { expect, onTestFinished, test } from "vitest"
import { policyFile } from "../../src/alerts/policy-file.ts"

const reading = (content: string) => {
  const dir = mkdtempSync(join(tmpdir(), "landfall-policy-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, "policy.json")
  writeFileSync(path, content)
  return policyFile.read(path)
}

test("reads a policy", () => {
  expect(reading(JSON.stringify({ ...defaultPolicyFile, version: 7 }))).toMatchObject({
    ok: true,
    value: { version: 7, rules: { reference_price_stale: { max_age_ms: 30_000, severity: "critical" } } },
  })
})

test("tells every problem together", () => {
  const { funding_stuck: _, ...rules } = defaultPolicyFile.rules
  const read = reading(JSON.stringify({ version: 0, rules: { ...rules, other: {} }, expcted: {} }))
  expect(read.ok).toBe(false)
  if (read.ok) return
  for (const words of ["version", "rules.funding_stuck", "rules.other", "expcted"])
    expect(read.problem).toContain(words)
})

test("tells every wrong value together, each by its path", () => {
  const rules = {
    reference_price_stale: { max_age_ms: "30000" },
    inventory_snapshot_stale: { max_age_ms: -1, severity: "fatal" },
    funding_seen_unconfirmed: { window_ms: 0.5 },
    funding_confirmed_credit_pending: { windw_ms: 7_200_000 },
    funding_stuck: null,
    executor_submission_failed: { clear_after_ms: 1e300 },
  }
  const read = reading(JSON.stringify({ version: "1", rules, expected: { pairs: "BTC/EURe" }, retired: [] }))
  const problem = read.ok ? "" : read.problem
  for (const path of [
    "version",
    "rules.reference_price_stale.max_age_ms",
    "rules.inventory_snapshot_stale.max_age_ms",
    "rules.inventory_snapshot_stale.severity",
    "rules.funding_seen_unconfirmed.window_ms",
    "rules.funding_confirmed_credit_pending.window_ms",
    "rules.funding_confirmed_credit_pending.windw_ms",
    "rules.funding_stuck",
    "rules.executor_submission_failed.clear_after_ms",
    "expected.pairs",
    "retired",
  ])
    expect(problem).toContain(`${path}: `)
})

const whole = JSON.stringify({ ...defaultPolicyFile, version: 7 })

test.each([
  ["no JSON", "{", "cannot be read"],
  ["empty", "", "cannot be read"],
  ["a web page", "<html>404</html>", "cannot be read"],
  ["cut", whole.slice(0, -20), "cannot be read"],
  ["a name given twice", whole.replace('"version":7', '"version":7,"version":8'), "Duplicate key 'version'"],
  ["deep", "[".repeat(100_000), "nests too deep"],
  ["not a policy", "[]", "not allowed"],
  ["a version beyond 2^53", whole.replace('"version":7', '"version":9007199254740993'), "version: "],
  ["a prototype", whole.replace('"rules"', '"__proto__":{"rules":{}},"ruls"'), "rules: "],
  ["too long", " ".repeat(1_100_000), "too long"],
])("refuses a file that is %s", (_, content, words) => {
  expect(reading(content)).toEqual({ ok: false, problem: expect.stringContaining(words) })
})

test("refuses a path where nothing is", () => {
  expect(policyFile.read("/nowhere/policy.json")).toEqual({
    ok: false,
    problem: expect.stringContaining("ENOENT"),
  })
})
