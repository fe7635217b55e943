import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

// Tests start hundreds of processes: what Node has compiled once, TypeScript above all, the next one takes from here.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("./.tools/compiled", import.meta.url))

/** What all workspaces' tests have in common. The report is what the last line of `npm test` is summed from. */
export default defineConfig({
  test: {
    // Real parts are leashed to the process that started them: files run in processes, not in threads.
    pool: "forks",
    // Two workspaces run at a time, and each of the larger ones starts its own broker and database.
    fileParallelism: false,
    globalSetup: [fileURLToPath(new URL("./vitest.folder.ts", import.meta.url))],
    setupFiles: [fileURLToPath(new URL("./vitest.seed.ts", import.meta.url))],
    // No test is about time: these end what hangs, also on a machine that is busy with other things.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    passWithNoTests: true,
    projects: [
      // Files share a process and what it has loaded, which took longer than pure tests, and so the parts that they keep.
      { extends: true, test: { name: "unit", include: ["test/**/*.unit.test.ts"], isolate: false } },
      // Unattended, what depends on real parts is tried twice; `npm test` lists at its end what needed it.
      {
        extends: true,
        test: {
          name: "real parts",
          isolate: false,
          include: ["test/**/*.{int,e2e}.test.ts"],
          retry: process.env["CI"] === undefined ? 0 : 1,
        },
      },
    ],
    reporters: ["default", ["json", { outputFile: ".test-results/report.json" }]],
  },
})
