import { writeSync } from "node:fs"
import { workerData } from "node:worker_threads"

// The thread of `watchEventLoop`: it shares nothing with the loop that it watches but one counter.
const {
  beats,
  looks_max,
  look_ms,
  stall_ms_max,
}: { beats: Int32Array<SharedArrayBuffer>; looks_max: number; look_ms: number; stall_ms_max: number } =
  workerData
let last = -1
let looks = 0
setInterval(() => {
  const now = Atomics.load(beats, 0)
  looks = now === last ? looks + 1 : 0
  last = now
  if (looks < looks_max) return
  const msg = `the event loop has stood still for ${stall_ms_max} ms: the process is ended, to be started again`
  // The logger lives in the loop that stands still.
  writeSync(2, `${JSON.stringify({ level: "fatal", time: new Date().toISOString(), msg })}\n`)
  process.kill(process.pid, "SIGKILL")
}, look_ms)
