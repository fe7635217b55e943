import { readFileSync, rmSync } from "node:fs"
import { join, relative } from "node:path"
import { byWorkspace, faultsOf, outcomeOf, reliabilityPage } from "./fault-matrix.mjs"
import { launch } from "./launch.mjs"
import { root } from "./paths.mjs"
import { summaryLine } from "./test-summary.mjs"

/**
 * Runs the tests of the fault matrix, one workspace after another, and ends with how each row came out.
 * @param {readonly string[]} args rows, such as `4`: all of them unless told; `--full` for outages as long as the matrix says
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code
 */
export async function runFaults(args, env) {
  const rows = args.filter((arg) => arg !== "--full")
  const all = faultsOf(reliabilityPage())
  const unknown = rows.filter((row) => !all.some((fault) => fault.row === row))
  if (unknown.length > 0) {
    process.stderr.write(`docs/reliability.md has no tests of row ${unknown.join(", ")}\n`)
    process.stderr.write("usage: npm run test:faults -- [row …] [--full]\n")
    return 2
  }
  const faults = rows.length === 0 ? all : all.filter(({ row }) => rows.includes(row))
  const full = args.includes("--full") ? { FAULTS_FULL: "1" } : {}
  const vitest = join(root, "node_modules", ".bin", "vitest")
  /** @type {import("./fault-matrix.mjs").RanTest[]} */
  const ran = []
  let broken = 0
  for (const [workspace, paths] of byWorkspace(faults)) {
    const report = join(root, workspace, ".test-results", "report.json")
    rmSync(report, { force: true })
    const code = await launch(vitest, ["run", "--root", workspace, ...paths], { ...env, ...full })
    if (code >= 128) return code
    const tests = readReport(report)
    ran.push(...tests)
    // An error outside of any test fails none of them.
    if (code !== 0 && tests.every(({ status }) => status !== "failed")) broken += 1
  }
  for (const fault of faults) {
    const counts = outcomeOf(fault, ran)
    const failed = counts.failed > 0 || counts.passed === 0
    process.stdout.write(
      `${failed ? "FAILED" : "ok    "} row ${fault.row.padEnd(3)} ${summaryLine(counts)}: ${fault.fault}\n`,
    )
    if (counts.passed === 0 && counts.failed === 0) broken += 1
  }
  const { length: failed } = ran.filter(({ status }) => status === "failed")
  const { length: passed } = ran.filter(({ status }) => status === "passed")
  process.stdout.write(`${summaryLine({ passed, failed: failed + broken, skipped: 0 })}\n`)
  return failed + broken === 0 ? 0 : 1
}

/**
 * @param {string} path
 * @returns {import("./fault-matrix.mjs").RanTest[]}
 */
function readReport(path) {
  try {
    /** @type {{ testResults: { name: string, assertionResults: { status: string }[] }[] }} */
    const { testResults } = JSON.parse(readFileSync(path, "utf8"))
    return testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ status }) => ({ file: relative(root, name), status })),
    )
  } catch {
    return []
  }
}
