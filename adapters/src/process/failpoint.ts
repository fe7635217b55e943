import { writeSync } from "node:fs"
import type { Kind } from "../config/field.ts"

/** Where a service can be made to die, so that a test knows what it had done by then, and what it had not. */
export const failpoints = [
  "after_fetch", // what was read calls for something to be written, and nothing of it was
  "in_transaction", // PostgreSQL has all of a transaction but its COMMIT
  "after_commit", // PostgreSQL has committed, and nothing in memory knows of it
  "before_kafka_commit", // Kafka has all of a transaction, or of what was read, but its commit
  "after_kafka_commit", // Kafka has committed, and nothing in memory knows of it
] as const

export type Failpoint = (typeof failpoints)[number]

/** What a process does when it comes by a point for the `passing`-th time: it kills itself, or stops until somebody continues it. */
export interface Armed {
  readonly point: Failpoint
  readonly passing: number
  readonly then: "kill" | "stop"
}

/** How a point is written in a setting: `in_transaction`, `in_transaction:3`, `in_transaction:stop`. */
export const failpointKind: Kind<Armed> = {
  accepted: `one of ${failpoints.join(", ")}, then perhaps :n for the n-th passing, then perhaps :stop to stop instead of dying`,
  example: "in_transaction:3",
  json: { type: "string" },
  sensitive: false,
  read: (given) => {
    const [, name, passing = "1", stop] = /^([a-z_]+)(?::([1-9]\d{0,5}))?(:stop)?$/.exec(given) ?? []
    const point = failpoints.find((known) => known === name)
    if (point === undefined) return { ok: false, problem: "it is no such point" }
    return {
      ok: true,
      value: { point, passing: Number(passing), then: stop === undefined ? "kill" : "stop" },
    }
  },
}

let passed: (point: Failpoint) => void = () => {}

/** Says that the process has come by a point: nothing happens, unless a test has {@link arm}ed it. */
export const failpoint = (point: Failpoint): void => passed(point)

/** Kafka's client sends from threads of its own: what it was given is on its way before the process dies. */
const sending_ms = 50

/** Makes this process die at a point. */
export const arm = ({ point, passing, then }: Armed): void => {
  let left = passing
  passed = (here) => {
    if (here !== point || --left > 0) return
    passed = () => {}
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sending_ms)
    const msg = `failpoint ${point}, passing ${passing}: ${then}`
    writeSync(2, `${JSON.stringify({ level: "fatal", time: new Date().toISOString(), msg })}\n`)
    process.kill(process.pid, then === "kill" ? "SIGKILL" : "SIGSTOP")
  }
}
