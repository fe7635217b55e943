import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import {
  dependenciesPage,
  deprecationNotes,
  directDependencies,
  idleReasons,
  isPermissive,
  licenceNotes,
  lockedPackages,
  notedAs,
} from "../src/dependencies.ts"

const page = fileURLToPath(new URL("../reference/dependencies.md", import.meta.url))
const root = fileURLToPath(new URL("../../", import.meta.url))

it("docs/reference/dependencies.md says what is installed", () => {
  if (process.env["UPDATE_REFERENCE"] === "1") writeFileSync(page, dependenciesPage())
  expect(readFileSync(page, "utf8")).toBe(dependenciesPage())
})

it("every direct dependency has one exact version, a permissive licence and a reason, and none is deprecated", () => {
  for (const { name, wanted, installed, license, deprecated, reason } of directDependencies()) {
    expect(wanted, `${name} is asked for in one version`).toBe(installed)
    expect(isPermissive(license), `the licence of ${name}: ${license}`).toBe(true)
    expect(deprecated, `${name} is not deprecated`).toBe(false)
    expect(reason, `${name} has a reason in docs/src/dependencies.ts`).not.toBeNull()
  }
  expect(idleReasons()).toEqual([])
})

it("everything that is installed has a permissive licence or a note, and so has what is deprecated", () => {
  const locked = lockedPackages()
  const odd = locked.filter(({ name, license }) => !isPermissive(license) && notedAs(name) === undefined)
  expect(odd).toEqual([])
  const old = locked.filter(
    ({ name, version, deprecated }) => deprecated && !Object.hasOwn(deprecationNotes, `${name}@${version}`),
  )
  expect(old).toEqual([])
  const there = new Set(locked.flatMap(({ name, version }) => [`${name}@${version}`, notedAs(name)]))
  const idle = Object.keys({ ...licenceNotes, ...deprecationNotes }).filter((noted) => !there.has(noted))
  expect(idle).toEqual([])
})

it("the bill of materials lists everything that is installed for the services, with licences", () => {
  const text = execFileSync("npm", ["run", "--silent", "sbom"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1e8,
  })
  const { bomFormat, components } = JSON.parse(text)
  expect(bomFormat).toBe("CycloneDX")
  const names: ReadonlyArray<string> = components.map(({ group, name }: { group?: string; name: string }) =>
    group === undefined ? name : `${group}/${name}`,
  )
  const listed = new Set(names.map((name) => name.split("/").at(-1)))
  for (const { name, runs } of directDependencies())
    if (runs) expect(listed, `${name} is listed`).toContain(name.split("/").at(-1))
})
