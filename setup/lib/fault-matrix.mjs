import { readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./paths.mjs"

/**
 * A line of the table of faults: the row of the matrix that it belongs to (`all` for what mixes them), the invariants that it
 * names, and its tests as paths from the root of the checkout.
 * @typedef {{ row: string, fault: string, invariants: string[], tests: string[] }} Fault
 */

/** The page that says which tests make which fault. */
export function reliabilityPage() {
  return readFileSync(join(root, "docs", "reliability.md"), "utf8")
}

/**
 * The lines of the table of faults.
 * @param {string} page
 * @returns {Fault[]}
 */
export function faultsOf(page) {
  return page.split("\n").flatMap((line) => {
    const cells = line.split("|").map((cell) => cell.trim())
    const [, row = "", fault = "", invariants = "", , tests = ""] = cells
    if (cells.length !== 7 || !/^(?:\d+|all)$/.test(row)) return []
    return [{ row, fault, invariants: invariants.split(/, */), tests: codeIn(tests) }]
  })
}

/**
 * The names of the promises that the page explains.
 * @param {string} page
 */
export function invariantsOf(page) {
  return [...page.matchAll(/^- \*\*([a-z ]+)\*\*:/gm)].map(([, name]) => name ?? "")
}

/**
 * Rows of the matrix that the page says it does not show, in part or at all: `- Row 15: …`.
 * @param {string} page
 */
export function notShownOf(page) {
  return [...page.matchAll(/^- Row (\d+): /gm)].map(([, row]) => row ?? "")
}

/** @param {string} text */
function codeIn(text) {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? "")
}

/**
 * The tests by the workspace that they belong to, each once, as paths inside of it.
 * @param {readonly Fault[]} faults
 * @returns {Map<string, string[]>}
 */
export function byWorkspace(faults) {
  /** @type {Map<string, string[]>} */
  const tests = new Map()
  for (const path of new Set(faults.flatMap((fault) => fault.tests))) {
    const [top = "", name = "", ...rest] = path.split("/")
    const workspace = top === "apps" ? `${top}/${name}` : top
    const inside = top === "apps" ? rest.join("/") : [name, ...rest].join("/")
    tests.set(workspace, [...(tests.get(workspace) ?? []), inside])
  }
  return tests
}

/**
 * A test that ran: the file that it is in, from the root of the checkout, and how it came out.
 * @typedef {{ file: string, status: string }} RanTest
 */

/**
 * How the tests of a fault came out.
 * @param {Fault} fault
 * @param {readonly RanTest[]} ran
 * @returns {import("./test-summary.mjs").Counts}
 */
export function outcomeOf({ tests }, ran) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const { file, status } of ran) {
    if (!tests.some((path) => (path.endsWith("/") ? file.startsWith(path) : file === path))) continue
    if (status === "passed") counts.passed += 1
    else if (status === "failed") counts.failed += 1
    else counts.skipped += 1
  }
  return counts
}
