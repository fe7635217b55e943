import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** What the process of the load is told. */
export type LoadWanted =
  | { readonly brokers: string; readonly eventsPerSecond: number; readonly seed: number }
  | "stop"

/** What it tells. */
export interface LoadTold {
  readonly sent: number
  readonly troubles: ReadonlyArray<string>
  readonly stopped: boolean
}

/** A stream of results of trades from a process of its own: its calls to a broker that is away block threads. */
export interface Load {
  /** Events that the broker has. */
  readonly sent: () => number
  readonly troubles: () => ReadonlyArray<string>
  /** Lets each pair have a success as its last word, and resolves when the broker has everything. */
  readonly stop: () => Promise<void>
  /** Ends it at once. */
  readonly kill: () => Promise<void>
}

/** Starts it and resolves when it sends. */
export const startLoad = async (wanted: Exclude<LoadWanted, "stop">): Promise<Load> => {
  const program = fileURLToPath(new URL("./process.ts", import.meta.url))
  // On a leash like every other part, and yet with a channel to talk over.
  const child: ChildProcess = spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, program], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  let told: LoadTold = { sent: 0, troubles: [], stopped: false }
  const heard = new EventTarget()
  child.on("message", (message: LoadTold) => {
    told = message
    heard.dispatchEvent(new Event("told"))
  })
  const until = (isSo: () => boolean): Promise<void> =>
    Promise.race([
      exited,
      new Promise<void>((resolve) => {
        heard.addEventListener("told", () => {
          if (isSo()) resolve()
        })
      }),
    ])
  let begun = false
  child.once("message", () => {
    begun = true
  })
  child.send(wanted)
  await until(() => begun)
  if (!begun) throw new Error("the process of the load ended at its start: its last words are above")
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL")
    await exited
  }
  return {
    sent: () => told.sent,
    troubles: () => told.troubles,
    stop: async () => {
      child.send("stop")
      await until(() => told.stopped)
      if (!told.stopped) throw new Error("the process of the load ended before it was told to")
      await kill()
    },
    kill,
  }
}
