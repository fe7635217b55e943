import { writeSync } from "node:fs"
import { workerData } from "node:worker_threads"
import { shares, type Watched } from "./watchdog.ts"

// The thread of `watchEventLoop`: it shares nothing with the loop that it watches but two numbers.
const { shared, look_ms, stall_ms_max }: Watched = workerData
const stalled_looks_max = Math.ceil(stall_ms_max / look_ms)
let last = -1
let stalled_looks = 0
let end_looks = 0

/** The logger lives in the loop that may stand still. */
const kill = (msg: string): void => {
  writeSync(2, `${JSON.stringify({ level: "fatal", time: new Date().toISOString(), msg })}\n`)
  process.kill(process.pid, "SIGKILL")
}

setInterval(() => {
  const now = Atomics.load(shared, shares.beats)
  stalled_looks = now === last ? stalled_looks + 1 : 0
  last = now
  if (stalled_looks >= stalled_looks_max)
    kill(`the event loop has stood still for ${stall_ms_max} ms: the process is ended, to be started again`)
  const end_looks_max = Atomics.load(shared, shares.end_looks_max)
  if (end_looks_max > 0 && ++end_looks >= end_looks_max)
    kill(`the process has not ended ${end_looks_max * look_ms} ms after it was told to: it is killed`)
}, look_ms)
