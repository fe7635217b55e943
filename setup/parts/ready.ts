import { readFile, stat } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import type { Ending, Leashed } from "./leash.ts"

const pollMs = 20
const linesShown = 15
/** What a shell says of a command that it cannot find. */
const notFoundCode = 127

/** Waits until `isReady` says so; fails with the end of the log when the process ends before or takes too long. */
export async function waitUntilReady(
  what: string,
  child: Leashed,
  log: string,
  timeoutMs: number,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  let ending: Ending | undefined
  void child.exited.then((how) => {
    ending = how
  })
  while (!(await isReady())) {
    if (ending !== undefined) {
      const missing = ending.code === notFoundCode ? " (no such program: run `npm run setup`)" : ""
      const how = `${ending.signal ?? `code ${ending.code}`}${missing}`
      throw new Error(`${what} ended with ${how} while starting. ${await endOf(log)}`)
    }
    if (performance.now() > deadline) {
      await child.kill()
      throw new Error(`${what} was not ready after ${timeoutMs} ms and was ended. ${await endOf(log)}`)
    }
    await sleep(pollMs)
  }
}

/** Size of a log in bytes, 0 when there is none: what was written before a start says nothing about it. */
export async function logSize(log: string): Promise<number> {
  return await stat(log).then(
    ({ size }) => size,
    () => 0,
  )
}

/** Tells whether a log says `text` after its first `from` bytes. */
export async function logSays(log: string, from: number, text: string): Promise<boolean> {
  return (await readFile(log)).subarray(from).includes(text)
}

/** The last lines of a log, as the end of an error message. */
export async function endOf(log: string): Promise<string> {
  const text = await readFile(log, "utf8").catch(() => "")
  const lines = text.trimEnd().split("\n").slice(-linesShown)
  return `The log ${log} ends with:\n${lines.join("\n")}`
}
