import { readFileSync } from "node:fs"
import { sendSignal } from "./leash.ts"

/**
 * Stops a process and all that it started (SIGSTOP), as a stalled machine would: connections stay, and nothing answers.
 * Returns what lets them go on; a part that is to be ended must go on before.
 */
export const standStill = (pid: number): (() => void) => {
  // The parent first, so that it starts nothing more meanwhile.
  sendSignal(pid, "SIGSTOP")
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number)
  for (const child of children) sendSignal(child, "SIGSTOP")
  return () => {
    for (const stopped of [...children, pid]) sendSignal(stopped, "SIGCONT")
  }
}
