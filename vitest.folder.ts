import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * Gives all that a run's tests write to the folder for temporary files one folder, and removes it when nothing that they
 * started runs any more: parts that test files share end with their process, which is too late for a test to clean up.
 */
export default (): (() => void) => {
  const outer = tmpdir()
  const folder = mkdtempSync(join(outer, "landfall-tests-"))
  process.env["TMPDIR"] = folder
  return () => {
    process.env["TMPDIR"] = outer
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
