/**
 * One workspace's share of a test run.
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

/**
 * What a workspace's vitest report and exit code say together. A report is not enough: a file that could not be
 * loaded has no failed test, an error outside any test counts nowhere, and a crash leaves no report at all.
 * @param {string | null} report
 * @param {number | undefined} exitCode
 * @returns {Counts}
 */
export function countTests(report, exitCode) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  if (report !== null) {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(report)
    counts.passed = numPassedTests
    counts.skipped = numPendingTests + numTodoTests
    counts.failed = numFailedTests + testResults.filter(brokeOutsideTests).length
  }
  const crashed = exitCode !== 0 || report === null
  return crashed && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

/** @param {{ status: string, assertionResults: { status: string }[] }} file */
function brokeOutsideTests({ status, assertionResults }) {
  return status === "failed" && assertionResults.every((test) => test.status !== "failed")
}

/**
 * A task as turbo's run summary has it; `execution` is missing when it never ran.
 * @typedef {{ task: string, directory: string, command: string, execution?: { exitCode?: number } | null }} Task
 */

/**
 * Sums a whole run: the tests of each workspace, and each type check and lint that failed.
 * @param {readonly Task[]} tasks
 * @param {(directory: string) => string | null} readReport
 * @returns {Counts}
 */
export function sumRun(tasks, readReport) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const { task, directory, command, execution } of tasks) {
    if (command === "<NONEXISTENT>") continue
    const exitCode = execution?.exitCode
    if (task !== "test") {
      if (exitCode !== 0) total.failed += 1
      continue
    }
    const { passed, failed, skipped } = countTests(readReport(directory), exitCode)
    total.passed += passed
    total.failed += failed
    total.skipped += skipped
  }
  return total
}

/**
 * How many tasks were begun and came to no end. A run that is told to stop leaves them out of its list, and calls itself a
 * success.
 * @param {{ attempted: number, success: number, cached: number, failed: number }} execution
 */
export function countUnended({ attempted, success, cached, failed }) {
  return Math.max(0, attempted - success - cached - failed)
}

/**
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} ReportedTest
 * @typedef {{ name: string, status: string, message: string, assertionResults: ReportedTest[] }} ReportedFile
 */

/**
 * What a person must know of one workspace's report: which tests failed and why, and which passed at the second attempt only.
 * @param {string | null} report
 * @param {string} workspace
 * @returns {string[]}
 */
export function troublesOf(report, workspace) {
  if (report === null) return []
  /** @type {{ testResults: ReportedFile[] }} */
  const { testResults } = JSON.parse(report)
  return testResults.flatMap((file) => {
    const path = `${workspace}/${file.name.split(`/${workspace}/`).at(-1)}`
    const outside = brokeOutsideTests(file) ? [`FAILED ${path}: ${firstLines(file.message)}`] : []
    return [...outside, ...file.assertionResults.flatMap((test) => troubleOf(test, path))]
  })
}

/**
 * @param {ReportedTest} test
 * @param {string} path
 */
function troubleOf({ status, fullName, failureMessages }, path) {
  const [message = ""] = failureMessages
  if (status === "failed")
    return [`FAILED ${path} > ${fullName}: ${failureMessages.map(firstLines).join("; tried again: ")}`]
  if (status === "passed" && message !== "")
    return [`passed at the second attempt: ${path} > ${fullName}: ${firstLines(message)}`]
  return []
}

/**
 * With what a test tells of how things stood when it had waited in vain: where nobody can look, this is all there is.
 * @param {string} text
 */
function firstLines(text) {
  return text.split("\n", 3).join(" ").slice(0, 4_000)
}

/** @param {Counts} counts */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`
}
