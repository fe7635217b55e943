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

test.each([
  ["no JSON", "{", "cannot be read"],
  ["not a policy", "[]", "not allowed"],
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
