import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it } from "vitest"
import { spawnLeashed } from "../parts/leash.ts"
import { logSays } from "../parts/ready.ts"
import { ownFolder } from "./folder.ts"
import { allEnded, isRunning, startScript } from "./processes.ts"

it("gives the command's own process id, its exit code and its output", async () => {
  const log = join(await ownFolder(), "log")
  const child = await spawnLeashed("sh", ["-c", "echo out $$; echo err >&2; exit 7"], { log })
  expect(await child.exited).toEqual({ code: 7, signal: null })
  expect(await readFile(log, "utf8")).toBe(`out ${child.pid}\nerr\n`)
})

it("ends the child when its parent is killed with SIGKILL", async () => {
  const { child, firstLine } = await startScript("hold-sleeper.ts", [join(await ownFolder(), "log")])
  const pid = Number(firstLine)
  expect(await isRunning(pid)).toBe(true)
  child.kill("SIGKILL")
  await allEnded([pid])
})

it("ends a child that is stopped and deaf to SIGTERM when its parent is killed", async () => {
  const { child, firstLine } = await startScript("hold-sleeper.ts", [join(await ownFolder(), "log")])
  process.kill(Number(firstLine), "SIGSTOP")
  child.kill("SIGKILL")
  await allEnded([Number(firstLine)])
})

it("stops a child with the signal that it is asked to use", async () => {
  const child = await spawnLeashed("sleep", ["60"], { log: join(await ownFolder(), "log") })
  await child.stop("SIGINT")
  expect(await child.exited).toEqual({ code: null, signal: "SIGINT" })
})

it("wakes a stopped child so that it hears that it should end", async () => {
  const child = await spawnLeashed("sleep", ["60"], { log: join(await ownFolder(), "log") })
  process.kill(child.pid, "SIGSTOP")
  await child.stop()
  expect(await child.exited).toEqual({ code: null, signal: "SIGTERM" })
})

it("kills a child that does not end in time", async () => {
  const log = join(await ownFolder(), "log")
  const child = await spawnLeashed("sh", ["-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"], {
    log,
  })
  while (!(await logSays(log, 0, "deaf"))) await sleep(5)
  await child.stop("SIGTERM", 50)
  expect((await child.exited).signal).toBe("SIGKILL")
})

it("may be stopped and killed again after its end", async () => {
  const child = await spawnLeashed("true", [], { log: join(await ownFolder(), "log") })
  await child.exited
  await child.stop()
  await child.kill()
})

it("says which program is missing when a command does not exist", async () => {
  const log = join(await ownFolder(), "log")
  const child = await spawnLeashed("no-such-command", [], { log })
  expect((await child.exited).code).toBe(127)
  expect(await readFile(log, "utf8")).toContain("no-such-command")
})
