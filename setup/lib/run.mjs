import { spawn, spawnSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { SetupFailure } from "./failure.mjs"
import { lockFd } from "./lock.mjs"
import { logFile, root } from "./paths.mjs"

const linesShown = 12
let logIsNew = true

/** Whether any command of this set-up ran, and so whether there is a log to read. */
export function hasLog() {
  return !logIsNew
}

/**
 * Runs a command of a step, its output in the log; fails with the log's last lines.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, hint?: string }} [options] `hint`: what to try when it fails
 */
export async function run(command, args, { env = {}, hint } = {}) {
  mkdirSync(dirname(logFile), { recursive: true })
  const log = openSync(logFile, logIsNew ? "w" : "a")
  logIsNew = false
  writeSync(log, `\n$ ${command} ${args.join(" ")}\n`)
  // The lock's descriptor goes along: a command that outlives a killed set-up still keeps the next one out.
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", log, log, lockFd() ?? "ignore"],
  })
  closeSync(log)
  const ending = await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message))
    child.once("exit", (code, signal) => resolve(code === 0 ? null : (signal ?? `code ${code}`)))
  })
  if (ending === null) return
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-linesShown)
  const shown = lines.map((line) => `    ${line}`).join("\n")
  throw new SetupFailure(
    [`${command} ${args.slice(0, 2).join(" ")} ended with ${ending}:`, shown, hint]
      .filter(Boolean)
      .join("\n  "),
  )
}

/**
 * What a quick command says on both its outputs, or `null` when it fails or is not there.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | null}
 */
export function say(command, args, env = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: "utf8",
    timeout: 30_000,
  })
  return status === 0 ? `${stdout}${stderr}` : null
}
