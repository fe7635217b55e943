import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly link?: true
  readonly integrity?: string
  readonly optional?: true
  readonly os?: ReadonlyArray<string>
  readonly cpu?: ReadonlyArray<string>
  readonly libc?: ReadonlyArray<string>
  readonly hasInstallScript?: true
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")
const lockfile: { packages: Record<string, LockedPackage> } = JSON.parse(read("package-lock.json"))
const manifest: { allowScripts: Record<string, boolean> } = JSON.parse(read("package.json"))
/** Packages of others, by where they are installed. */
const packages = Object.entries(lockfile.packages).filter(
  ([path, { link }]) => path.includes("node_modules/") && link !== true,
)
const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + 13)

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

/** Whether npm installs the package on the one platform that the parts run on: Linux on x86-64 with glibc. */
const isForUs = (path: string, { os = ["linux"], cpu = ["x64"], libc = ["glibc"] }: LockedPackage): boolean =>
  os.includes("linux") && cpu.includes("x64") && libc.includes("glibc") && !path.endsWith("-musl")

// npm refuses a package whose bytes have another digest; one without a digest could be anything.
it("has the SHA-512 digest of every package that is installed here", () => {
  const without = packages.filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ""))
  // What the registry lacked for other platforms has none; nobody gets it by mistake.
  expect(without.filter(([path, one]) => one.optional !== true || isForUs(path, one))).toEqual([])
  const installed: typeof lockfile = JSON.parse(read("node_modules/.package-lock.json"))
  expect(without.filter(([path]) => path in installed.packages)).toEqual([])
})

it("decides about each package that has an install script, and about no other", () => {
  const withScripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true)
  expect(Object.keys(manifest.allowScripts).sort()).toEqual(withScripts.map(([path]) => nameOf(path)).sort())
})
