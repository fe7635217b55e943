import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

interface LockedPackage {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const text = readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8")
const lockfile: { packages: Record<string, LockedPackage> } = JSON.parse(text)

// npm leaves out what its registry lacks for other platforms, and then refuses its own lockfile in a fresh clone.
it("names every optional package, for other platforms too", () => {
  const locked = lockfile.packages
  const missing = Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in locked) && !(`${path}/node_modules/${name}` in locked),
    ),
  )
  expect(missing).toEqual([])
})

it("names no registry, so that everyone may use their own", () => {
  const hosts = Object.values(lockfile.packages).filter(({ resolved }) => resolved?.includes("://"))
  expect(hosts).toEqual([])
})
