import { describe, expect, it } from "vitest"
import { countTests, countUnended, summaryLine, sumRun, troublesOf } from "../lib/test-summary.mjs"

interface Outcome {
  readonly passed?: number
  readonly failed?: number
  readonly pending?: number
  readonly todo?: number
  readonly files?: readonly { status: string; assertionResults: { status: string }[] }[]
}

function report({ passed = 0, failed = 0, pending = 0, todo = 0, files = [] }: Outcome): string {
  return JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: todo,
    testResults: files,
  })
}

describe("one workspace", () => {
  it("counts passed, failed and skipped tests", () => {
    const text = report({ passed: 5, failed: 2, pending: 1, todo: 1 })
    expect(countTests(text, 1)).toEqual({ passed: 5, failed: 2, skipped: 2 })
  })

  it("counts a crash without a report as a failure", () => {
    expect(countTests(null, 139)).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(countTests(null, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  it("counts a test process that never ran as a failure", () => {
    expect(countTests(report({ passed: 1 }), undefined)).toEqual({ passed: 1, failed: 1, skipped: 0 })
  })

  it("counts a file that could not be loaded, but not twice a file whose tests failed", () => {
    const files = [
      { status: "failed", assertionResults: [] },
      { status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] },
      { status: "passed", assertionResults: [{ status: "passed" }] },
    ]
    expect(countTests(report({ passed: 2, failed: 1, files }), 1)).toEqual({
      passed: 2,
      failed: 2,
      skipped: 0,
    })
  })

  it("counts an error outside any test", () => {
    expect(countTests(report({ passed: 3 }), 1)).toEqual({ passed: 3, failed: 1, skipped: 0 })
  })

  it("finds nothing wrong with a workspace that has no tests yet", () => {
    expect(countTests(report({}), 0)).toEqual({ passed: 0, failed: 0, skipped: 0 })
  })
})

describe("a run", () => {
  it("that was told to stop lacks the tasks that came to no end", () => {
    expect(countUnended({ attempted: 38, success: 19, cached: 0, failed: 0 })).toBe(19)
    expect(countUnended({ attempted: 38, success: 20, cached: 16, failed: 2 })).toBe(0)
  })
})

describe("what is said of a workspace at the end", () => {
  const name = "/somewhere/apps/x/test/x.unit.test.ts"

  it("names each test that failed with the beginning of its message", () => {
    const assertionResults = [
      { status: "failed", fullName: "x does y", failureMessages: ["expected 1\n to be 2\nat\nline 7"] },
      { status: "passed", fullName: "x does z", failureMessages: [] },
    ]
    const text = JSON.stringify({ testResults: [{ name, status: "failed", message: "", assertionResults }] })
    expect(troublesOf(text, "apps/x")).toEqual([
      "FAILED apps/x/test/x.unit.test.ts > x does y: expected 1  to be 2 at",
    ])
  })

  it("tells what each attempt failed with", () => {
    const assertionResults = [
      { status: "failed", fullName: "x does y", failureMessages: ["too late", "already there"] },
    ]
    const text = JSON.stringify({ testResults: [{ name, status: "failed", message: "", assertionResults }] })
    expect(troublesOf(text, "apps/x")).toEqual([
      "FAILED apps/x/test/x.unit.test.ts > x does y: too late; tried again: already there",
    ])
  })

  it("names what passed at the second attempt only, and a file that could not be loaded", () => {
    const assertionResults = [{ status: "passed", fullName: "x does y", failureMessages: ["too late"] }]
    const files = [
      { name, status: "passed", message: "", assertionResults },
      { name, status: "failed", message: "no such module", assertionResults: [] },
    ]
    expect(troublesOf(JSON.stringify({ testResults: files }), "apps/x")).toEqual([
      "passed at the second attempt: apps/x/test/x.unit.test.ts > x does y: too late",
      "FAILED apps/x/test/x.unit.test.ts: no such module",
    ])
  })

  it("is nothing when all is well or there is no report", () => {
    expect(troublesOf(report({}), "apps/x")).toEqual([])
    expect(troublesOf(null, "apps/x")).toEqual([])
  })
})

describe("a whole run", () => {
  const ok = { exitCode: 0 }
  const task = (task: string, execution: { exitCode?: number } | null = ok, command = "x") => ({
    task,
    directory: "domain",
    command,
    execution,
  })

  it("adds failed type checks and lints to the tests", () => {
    const tasks = [
      task("test"),
      task("typecheck", { exitCode: 2 }),
      task("lint", { exitCode: 1 }),
      task("lint"),
    ]
    expect(sumRun(tasks, () => report({ passed: 4 }))).toEqual({ passed: 4, failed: 2, skipped: 0 })
  })

  it("takes a task that never ran for a failure", () => {
    expect(sumRun([task("typecheck", null)], () => null).failed).toBe(1)
  })

  it("leaves out what a workspace has no script for", () => {
    expect(sumRun([task("test", null, "<NONEXISTENT>")], () => null).failed).toBe(0)
  })

  it("adds up the workspaces, each by its own report", () => {
    const tasks = [task("test"), { ...task("test"), directory: "sql" }]
    const passed = (directory: string) => report({ passed: directory === "sql" ? 1 : 10 })
    expect(sumRun(tasks, passed).passed).toBe(11)
  })
})

it("names skipped tests only when there are any", () => {
  expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed")
  expect(summaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped")
})
