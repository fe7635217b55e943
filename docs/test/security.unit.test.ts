import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const root = fileURLToPath(new URL("../../", import.meta.url))
const page = readFileSync(`${root}SECURITY.md`, "utf8")

it("SECURITY.md names a test for each thing that it says holds, and each is there", () => {
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (?:What holds|Party|---)/.test(line))
  const tested = rows.filter((line) => line.split("|").length === 4)
  expect(tested.length).toBeGreaterThan(30)
  for (const line of tested) {
    const tests = line.split("|")[2] ?? ""
    expect(/`[^`]+`|^ the same $/.test(tests), line).toBe(true)
  }
  const paths = [...page.matchAll(/`([a-z]+(?:\/[\w.-]+)+\/?)`/g)].map(([, path = ""]) => path)
  expect(paths.length).toBeGreaterThan(20)
  for (const path of paths) expect(existsSync(`${root}${path}`), path).toBe(true)
  for (const [, path = ""] of page.matchAll(/\]\(([\w/.-]+)\)/g))
    expect(existsSync(`${root}${path}`), path).toBe(true)
})
