import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

// A run takes minutes of two cores and is not part of the tests; what it starts and asks has tests of its own.
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

const run = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [main, ...args], { encoding: "utf8" })

it("refuses what it does not understand, all at once, with what it takes", () => {
  const { status, stdout, stderr } = run("--seed", "x", "--minutes", "0")
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
  expect(stderr).toContain('--seed is "x": it must be from 0 to 2147483647\n--minutes is "0"')
  expect(stderr).toContain("usage: npm run chaos")
})

it("shows what a seed would do, without doing it", () => {
  const { status, stdout } = run("--seed", "1", "--minutes", "0.5", "--plan")
  expect(status).toBe(0)
  expect(stdout.split("\n")[0]).toBe("    4.0 s  rival, service inventory-sync, lasts_ms 6515")
})
