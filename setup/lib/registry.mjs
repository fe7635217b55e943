// What only a registry knows of the packages in the lockfile: whose signature they carry, and what is known against them.
import { spawnSync } from "node:child_process"
import { root } from "./paths.mjs"

/**
 * What came of a check: the problems that it found, or why it could not be made. A registry's mirror gives neither
 * signatures nor advisories at times, and a machine may have no network: then nothing was checked, which is no success.
 * @typedef {{ checked: true, problems: string[] } | { checked: false, why: string }} Checked
 */

/**
 * Advisories that do not concern us, by their address: each with why.
 * @type {Readonly<Record<string, string>>}
 */
export const acceptedAdvisories = {}

const patience_ms = 60_000

/** @param {readonly string[]} args */
function npm(args) {
  const { stdout, error } = spawnSync(
    "npm",
    [...args, "--json", "--fetch-retries=0", "--fetch-timeout=10000"],
    {
      cwd: root,
      encoding: "utf8",
      timeout: patience_ms,
      stdio: ["ignore", "pipe", "ignore"],
    },
  )
  return error === undefined ? stdout : ""
}

/**
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
function objectIn(text) {
  try {
    const value = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {}
  } catch {
    return {}
  }
}

/**
 * What `npm audit signatures --json` found.
 * @param {string} text
 * @returns {Checked}
 */
export function readSignatures(text) {
  const { invalid, missing } = objectIn(text)
  if (!Array.isArray(invalid) || !Array.isArray(missing)) return { checked: false, why: "npm gave no result" }
  /** @param {{ name?: unknown, version?: unknown }} one */
  const named = ({ name, version }) => `${name}@${version}`
  return {
    checked: true,
    problems: [
      ...invalid.map((one) => `${named(one)} has a signature that does not hold`),
      ...missing.map((one) => `${named(one)} has no signature, where others have one`),
    ],
  }
}

/**
 * What `npm audit --json` found, without what is accepted.
 * @param {string} text
 * @param {Readonly<Record<string, string>>} accepted
 * @returns {Checked}
 */
export function readAdvisories(text, accepted = acceptedAdvisories) {
  const { vulnerabilities, message } = objectIn(text)
  if (typeof vulnerabilities !== "object" || vulnerabilities === null)
    return { checked: false, why: typeof message === "string" ? message : "npm gave no result" }
  /** @type {{ url?: string, title?: string, severity?: string, name?: string }[]} */
  const advisories = Object.values(vulnerabilities).flatMap(({ via }) =>
    // A text names another package, whose own entry has the advisory.
    via.filter((/** @type {unknown} */ one) => typeof one === "object"),
  )
  const found = new Map(advisories.map((one) => [one.url, one]))
  return {
    checked: true,
    problems: [...found.values()]
      .filter(({ url = "" }) => !Object.hasOwn(accepted, url))
      .map(({ name, severity, title, url }) => `${name}: ${severity}, ${title} (${url})`),
  }
}

/**
 * Checks the registry's signatures of everything that is installed. Whether it gives any is asked of one package first:
 * npm waits long for keys that it then has no use for.
 * @returns {Checked}
 */
export function checkSignatures() {
  const { dist } = objectIn(`{"dist":${npm(["view", "fastify", "dist"]) || "null"}}`)
  if (typeof dist !== "object" || dist === null)
    return { checked: false, why: "the registry does not answer" }
  if (!("signatures" in dist)) return { checked: false, why: "the registry gives no signatures" }
  return readSignatures(npm(["audit", "signatures"]))
}

/**
 * Asks the registry what is known against the packages that are installed.
 * @returns {Checked}
 */
export function checkAdvisories() {
  return readAdvisories(npm(["audit"]))
}
