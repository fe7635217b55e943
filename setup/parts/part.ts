import type { Leashed } from "./leash.ts"

/** A real part under test or in the sandbox: one leashed process that can be stopped, killed and started again. */
export interface Part {
  /** Process id of the one that runs now. */
  readonly pid: number
  /** Where its output goes. */
  readonly log: string
  /** Whether it runs: it was neither ended nor ended by itself. */
  running(): boolean
  /** Ends it in order; what it stored stays. */
  stop(): Promise<void>
  /** Kills it as a crash would (SIGKILL) and returns when nothing of it runs. */
  kill(): Promise<void>
  /** Starts it again with the same data and port, after stopping it if it runs. */
  restart(): Promise<void>
}

/** Makes a part of a function that starts its process and resolves when it answers. */
export async function startPart(
  log: string,
  start: () => Promise<Leashed>,
  how: { stop: (child: Leashed) => Promise<void>; kill: (child: Leashed) => Promise<void> } = {
    stop: (child) => child.stop(),
    kill: (child) => child.kill(),
  },
): Promise<Part> {
  let child = await start()
  return {
    get pid() {
      return child.pid
    },
    log,
    running: () => child.running(),
    stop: () => how.stop(child),
    kill: () => how.kill(child),
    async restart() {
      await how.stop(child)
      child = await start()
    },
  }
}
