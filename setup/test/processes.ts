import { spawn } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"

/** A script of this folder running in a process of its own, with the first line that it printed. */
export async function startScript(name: string, args: readonly string[]) {
  const script = fileURLToPath(new URL(name, import.meta.url))
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  const ended = new Promise<string>((_, reject) => {
    child.once("exit", (code, signal) => reject(new Error(`${name} ended with ${signal ?? code}`)))
  })
  ended.catch(() => {})
  const line = new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve))
  return { child, firstLine: await Promise.race([line, ended]) }
}

/** Whether a process runs; one that only waits to be collected (a zombie) does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
  return status !== "" && !status.slice(status.lastIndexOf(")")).startsWith(") Z")
}

/** Every process that descends from one, at any depth. */
export async function descendantsOf(pid: number): Promise<readonly number[]> {
  const parents = new Map<number, number>()
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue
    const status = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "")
    const parent = /\) \S (\d+)/.exec(status)?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const found: number[] = []
  const visit = (ancestor: number) => {
    for (const [child, parent] of parents) {
      if (parent !== ancestor) continue
      found.push(child)
      visit(child)
    }
  }
  visit(pid)
  return found
}

/** Resolves when none of the processes runs any more; the test's own time limit bounds it. */
export async function allEnded(pids: readonly number[]): Promise<void> {
  for (const pid of pids) while (await isRunning(pid)) await sleep(10)
}
