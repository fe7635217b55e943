import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

/**
 * What a step's result depends on, in one short word.
 * @param {readonly (string | Buffer)[]} inputs
 */
export function fingerprint(inputs) {
  const hash = createHash("sha256")
  for (const input of inputs) hash.update(`${input.length}:`).update(input)
  return hash.digest("hex").slice(0, 32)
}

/**
 * The fingerprint that a finished step left, or `null`.
 * @param {string} file
 */
export function readStamp(file) {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return null
  }
}

/**
 * Does `work` unless it was finished for the same fingerprint. The old stamp goes before the work and the new one
 * comes after it, so that whatever interrupts the work, it is done again.
 * @param {{ file: string, fingerprint: string, stands: () => boolean, work: () => void | Promise<void> }} step
 *   `stands`: a quick look that the result was not deleted since
 * @returns {Promise<boolean>} whether there was work
 */
export async function onceFor({ file, fingerprint, stands, work }) {
  if (readStamp(file) === fingerprint && stands()) return false
  rmSync(file, { force: true })
  await work()
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.part`, fingerprint)
  renameSync(`${file}.part`, file)
  return true
}
