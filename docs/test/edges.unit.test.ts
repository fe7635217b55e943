import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const root = fileURLToPath(new URL("../../", import.meta.url))

interface Row {
  readonly edge: string
  readonly file: string
  readonly test: string
}

/** The rows of all tables on the page. */
const rowsOf = (page: string): ReadonlyArray<Row> =>
  page.split("\n").flatMap((line) => {
    const [, edge, file, test, end] = line.split("|").map((cell) => cell.trim())
    if (edge === undefined || file === undefined || test === undefined || end !== "") return []
    return edge === "Edge" || /^-+$/.test(edge) ? [] : [{ edge, file, test }]
  })

/** What follows `it(`, `test(`, or the list or table of an `each`. */
const title = /(?:\b(?:it|test)\(|\)\()\s*"((?:[^"\\]|\\.)*)"/g

/** The titles of the tests in a file, in full or as the template of `each`. */
const titlesIn = (source: string): ReadonlySet<string> =>
  new Set(Array.from(source.matchAll(title), ([, text]) => text ?? ""))

const problemsOf = (page: string): ReadonlyArray<string> => {
  const known = new Map<string, ReadonlySet<string>>()
  return rowsOf(page).flatMap(({ edge, file, test }) => {
    if (!existsSync(`${root}${file}`)) return [`${edge}: there is no ${file}`]
    const of = known.get(file) ?? titlesIn(readFileSync(`${root}${file}`, "utf8"))
    known.set(file, of)
    return of.has(test) ? [] : [`${edge}: ${file} has no test "${test}"`]
  })
}

const page = readFileSync(`${root}docs/edges.md`, "utf8")

it("docs/edges.md names tests that exist", () => {
  expect(rowsOf(page).length).toBeGreaterThan(100)
  expect(problemsOf(page)).toEqual([])
})

it("a test that was renamed or moved is noticed", () => {
  const row = (file: string, test: string) => `| an edge | ${file} | ${test} |`
  expect(problemsOf(row("docs/test/edges.unit.test.ts", "docs/edges.md names tests that exist"))).toEqual([])
  expect(problemsOf(row("docs/test/edges.unit.test.ts", "docs/edges.md names"))).toEqual([
    'an edge: docs/test/edges.unit.test.ts has no test "docs/edges.md names"',
  ])
  expect(problemsOf(row("docs/test/nothing.unit.test.ts", "x"))).toEqual([
    "an edge: there is no docs/test/nothing.unit.test.ts",
  ])
})
