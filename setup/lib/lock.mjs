import { spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { SetupFailure } from "./failure.mjs"

/** @type {number | null} */
let held = null

/** The descriptor of the lock that this process holds, or `null`. */
export function lockFd() {
  return held
}

/**
 * Does `work` while no other process does any under the same lock, waiting for its turn. The kernel keeps the lock
 * (util-linux's `flock` takes it on our open file), so that nothing needs tidying after a crash.
 * @template Result
 * @param {string} file
 * @param {() => void} onWait called when it is another's turn
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function alone(file, onWait, work) {
  mkdirSync(dirname(file), { recursive: true })
  const fd = openSync(file, "a")
  try {
    if (!(await takeLock(fd, ["--nonblock"]))) {
      onWait()
      if (!(await takeLock(fd, []))) throw new SetupFailure(`cannot lock ${file}`)
    }
    held = fd
    return await work()
  } finally {
    held = null
    closeSync(fd)
  }
}

/**
 * @param {number} fd
 * @param {string[]} how
 * @returns {Promise<boolean>}
 */
function takeLock(fd, how) {
  return new Promise((resolve, reject) => {
    const child = spawn("flock", [...how, "3"], { stdio: ["ignore", "ignore", "ignore", fd] })
    child.once("error", () => reject(new SetupFailure("flock is missing: install the package util-linux")))
    child.once("exit", (code) => resolve(code === 0))
  })
}
