import { spawn } from "node:child_process"
import { constants } from "node:os"
import { root } from "./paths.mjs"
import { say } from "./run.mjs"

/**
 * Runs a program in this terminal to its end and gives its exit code. It ends when this process ends, however that
 * happens.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {{ stdin?: "inherit" | "ignore" }} [options]
 * @returns {Promise<number>}
 */
export async function launch(command, args, env, { stdin = "inherit" } = {}) {
  const leash = say("setpriv", ["--version"]) === null ? [] : ["setpriv", "--pdeathsig", "TERM"]
  const [first, ...rest] = [...leash, command, ...args]
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child
  // Before there is a child: a signal that comes while it starts must not end this process without it.
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      // Ctrl-C reaches the whole foreground group: a second one would tell the child to hurry.
      if (signal === "SIGINT" && process.stdin.isTTY) return
      child?.kill(signal)
    })
  }
  const started = spawn(first ?? command, rest, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: [stdin, "inherit", "inherit"],
  })
  child = started
  return await new Promise((resolve, reject) => {
    started.once("error", reject)
    started.once("exit", (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    )
  })
}
