import { createLog } from "../../src/log/log.ts"
import { runService } from "../../src/process/run.ts"

// A service that stalls, hoards or drains as its argument says.
const [manner = "idle"] = process.argv.slice(2)
const log = createLog({ name: "odd", level: "info" })
const done = Promise.withResolvers<void>()
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const misbehave = (): void => {
  if (manner === "fail") done.reject(new Error("the log was cut"))
  if (manner === "stall") for (;;) Math.random()
  if (manner === "hoard") {
    const kept: unknown[] = []
    for (;;) kept.push(Array.from({ length: 1_000 }, () => ({ kept: kept.length })))
  }
}

let before = Date.now()
setInterval(() => {
  if (Date.now() - before > 1_000) process.stdout.write("tick after a long while\n")
  before = Date.now()
}, 20)

await runService(
  async () => {
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
          process.stdout.write("drained\n")
        },
      },
    }
  },
  { stall_ms_max: 500, look_ms: 50 },
)
