import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  byWorkspace,
  faultsOf,
  invariantsOf,
  notShownOf,
  outcomeOf,
  reliabilityPage,
} from "../lib/fault-matrix.mjs"
import { root } from "../lib/paths.mjs"

/** What is wrong with a page: rows that it does not have, tests that are not there, promises that it does not explain. */
const problemsOf = (page: string): ReadonlyArray<string> => {
  const faults = faultsOf(page)
  const promised = invariantsOf(page)
  const told = new Set([...faults.map(({ row }) => row), ...notShownOf(page)])
  const rows = Array.from({ length: 17 }, (_, index) => String(index + 1))
  return [
    ...rows.filter((row) => !told.has(row)).map((row) => `row ${row} is not told of`),
    ...faults.flatMap(({ row, invariants, tests }) => [
      ...invariants
        .filter((name) => !promised.includes(name))
        .map((name) => `row ${row}: ${JSON.stringify(name)} is no promise`),
      ...(tests.length === 0 ? [`row ${row} has no test`] : []),
      ...tests
        .filter((path) => !existsSync(join(root, path)) || !/\.test\.ts$|\/$/.test(path))
        .map((path) => `row ${row}: ${path} is no test and no folder`),
    ]),
  ]
}

const header = "- **once**: each message once.\n"
const line = (row: string, invariants = "once", tests = "`setup/test/fault-matrix.unit.test.ts`") =>
  `| ${row} | a fault | ${invariants} | much | ${tests} |\n`
const others = (missing: number) =>
  Array.from({ length: 17 }, (_, index) => (index + 1 === missing ? "" : line(String(index + 1)))).join("")

describe("docs/reliability.md", () => {
  it("has every row of the matrix, each with promises that it explains and tests that are there", () => {
    expect(invariantsOf(reliabilityPage())).toEqual(["once", "roots", "fold", "order", "absence", "credit"])
    expect(problemsOf(reliabilityPage())).toEqual([])
  })

  it("is noticed to lack a row, a promise or a test", () => {
    expect(problemsOf(header + others(0))).toEqual([])
    expect(problemsOf(header + others(4))).toEqual(["row 4 is not told of"])
    expect(problemsOf(`${header + others(4)}- Row 4: nothing of it.`)).toEqual([])
    expect(problemsOf(header + others(4) + line("4", "once, twice"))).toEqual([
      'row 4: "twice" is no promise',
    ])
    expect(problemsOf(header + others(4) + line("4", "once", "none"))).toEqual(["row 4 has no test"])
    expect(
      problemsOf(header + others(4) + line("4", "once", "`setup/test/gone.test.ts`, `setup/run.mjs`")),
    ).toEqual([
      "row 4: setup/test/gone.test.ts is no test and no folder",
      "row 4: setup/run.mjs is no test and no folder",
    ])
  })
})

it("tests are run once a workspace, however many rows name them", () => {
  const faults = faultsOf(
    line("1", "once", "`apps/a/test/one.e2e.test.ts`, `domain/test/`") +
      line("all", "once", "`apps/a/test/two.e2e.test.ts`, `apps/a/test/one.e2e.test.ts`"),
  )
  expect(faults.map(({ row }) => row)).toEqual(["1", "all"])
  expect([...byWorkspace(faults)]).toEqual([
    ["apps/a", ["test/one.e2e.test.ts", "test/two.e2e.test.ts"]],
    ["domain", ["test/"]],
  ])
})

it("a row comes out as the tests in its files and folders do", () => {
  const [fault] = faultsOf(line("1", "once", "`apps/a/test/one.e2e.test.ts`, `domain/test/`"))
  if (fault === undefined) throw new Error("the line was not read")
  const ran = [
    { file: "apps/a/test/one.e2e.test.ts", status: "passed" },
    { file: "apps/a/test/one.e2e.test.ts", status: "failed" },
    { file: "apps/a/test/two.e2e.test.ts", status: "failed" },
    { file: "domain/test/deep/three.unit.test.ts", status: "passed" },
    { file: "domain/test/deep/three.unit.test.ts", status: "pending" },
  ]
  expect(outcomeOf(fault, ran)).toEqual({ passed: 2, failed: 1, skipped: 1 })
})
