import { defineConfig } from "vitest/config"

/** What all workspaces' tests have in common. The report is what the last line of `npm test` is summed from. */
export default defineConfig({
  test: {
    // Real parts are leashed to the process that started them: files run in processes, not in threads.
    pool: "forks",
    // Two workspaces run at a time, and each of the larger ones starts its own broker and database.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    passWithNoTests: true,
    reporters: ["default", ["json", { outputFile: ".test-results/report.json" }]],
  },
})
