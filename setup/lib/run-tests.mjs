import { readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { launch } from "./launch.mjs"
import { root } from "./paths.mjs"
import { countUnended, summaryLine, sumRun, troublesOf } from "./test-summary.mjs"

/** Tests of two workspaces at a time: each may hold a broker, a database and two busy services. */
const workspacesAtOnce = 2
const runs = join(root, ".turbo", "runs")

/**
 * Checks types, lints and tests every workspace, and ends with one line that sums it up.
 * @param {readonly string[]} args for turbo, such as `--filter=@landfall/domain`
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code
 */
export async function runTests(args, env) {
  // An old report must not stand in for a run that crashed.
  rmSync(runs, { recursive: true, force: true })
  for (const workspace of workspaces()) {
    rmSync(join(root, workspace, ".test-results"), { recursive: true, force: true })
  }
  const turbo = join(root, "node_modules", ".bin", "turbo")
  const flags = [
    `--concurrency=${workspacesAtOnce}`,
    "--continue=always",
    "--summarize",
    "--output-logs=new-only",
  ]
  const quiet = { TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1", DO_NOT_TRACK: "1" }
  const code = await launch(
    turbo,
    ["run", "typecheck", "lint", "test", ...flags, ...args],
    { ...env, ...quiet },
    { stdin: "ignore" },
  )
  const summary = readSummary()
  const tasks = summary?.tasks ?? []
  const total = sumRun(tasks, readReport)
  const unended = summary === null ? 1 : countUnended(summary.execution)
  total.failed += unended
  if (code !== 0 && total.failed === 0) total.failed = 1
  // Said again at the end: what failed stands far above, between the output of everything else.
  for (const { directory, task, execution } of tasks)
    if (execution?.exitCode) process.stdout.write(`FAILED ${directory}: ${task}\n`)
  for (const workspace of workspaces())
    for (const trouble of troublesOf(readReport(workspace), workspace)) process.stdout.write(`${trouble}\n`)
  if (unended > 0) process.stdout.write(`FAILED the run was ended before ${unended} of its tasks were\n`)
  if (total.passed === 0 && total.failed === 0) process.stderr.write("no test ran\n")
  process.stdout.write(`${summaryLine(total)}\n`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
}

/** @returns {{ tasks: import("./test-summary.mjs").Task[], execution: Parameters<typeof countUnended>[0] } | null} */
function readSummary() {
  try {
    const [file] = readdirSync(runs)
    return file === undefined ? null : JSON.parse(readFileSync(join(runs, file), "utf8"))
  } catch {
    return null
  }
}

/** @param {string} directory */
function readReport(directory) {
  try {
    return readFileSync(join(root, directory, ".test-results", "report.json"), "utf8")
  } catch {
    return null
  }
}

/** The folders of the workspaces, where npm's `apps/*` stands for each folder in `apps`. */
function workspaces() {
  /** @type {{ workspaces: string[] }} */
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  return workspaces.flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern]
    const parent = pattern.slice(0, -2)
    return readdirSync(join(root, parent)).map((name) => join(parent, name))
  })
}
