import { open } from "node:fs"
import { createLog } from "../../src/log/log.ts"
import { runService } from "../../src/process/run.ts"

// A service that stalls, hoards, drains or does not end, as its argument says.
const [manner = "idle", fifo = ""] = process.argv.slice(2)
const log = createLog({ name: "odd", level: "info" })
const done = Promise.withResolvers<void>()
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const standStill = (): never => {
  for (;;) Math.random()
}

/** Nobody ever writes to it: a thread of Node's pool waits until the process is gone. */
const holdThread = (): void => open(fifo, "r", () => {})

const misbehave = (): void => {
  if (manner === "fail") done.reject(new Error("the log was cut"))
  if (manner === "stall") standStill()
  if (manner === "hoard") {
    const kept: unknown[] = []
    for (;;) kept.push(Array.from({ length: 1_000 }, () => ({ kept: kept.length })))
  }
}

// Whoever fills its memory, or stands still in the end, holds the loop as well, and that is not what is looked at.
const outlastsTheStall = manner === "hoard" || manner === "stand still in the end"

let before = Date.now()
setInterval(() => {
  if (Date.now() - before > 1_000) process.stdout.write("tick after a long while\n")
  before = Date.now()
}, 20)

await runService(
  async () => {
    if (fifo !== "") holdThread()
    setTimeout(() => {
      process.stdout.write("running\n")
      setTimeout(misbehave, 50)
    })
    return {
      log,
      service: {
        done: done.promise,
        stop: async () => {
          process.stdout.write("draining\n")
          await pause(manner === "drain for ever" ? 60_000 : 300)
          if (manner === "stand still in the end") standStill()
          process.stdout.write("drained\n")
          if (manner !== "give up waiting") done.resolve()
        },
      },
    }
  },
  {
    stall_ms_max: outlastsTheStall ? 60_000 : 500,
    look_ms: 50,
    drain_ms_max: 3_000,
    end_ms_max: 5_000,
  },
)
