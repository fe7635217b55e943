import { Worker } from "node:worker_threads"

/** A running watch over this process's event loop. */
export interface Watchdog {
  /** From now on the process has so long to end; then it is killed. */
  readonly endWithin: (end_ms_max: number) => void
}

/** What the watching thread is given. */
export interface Watched {
  /** How often the loop has gone round, and how many looks an end may take, or 0. */
  readonly shared: Int32Array<SharedArrayBuffer>
  readonly stall_ms_max: number
  readonly look_ms: number
}

/** The places of the two. */
export const shares = { beats: 0, end_looks_max: 1 } as const

/**
 * Ends this process when its event loop stands still for so long: a service that answers nobody, not even its probes, and
 * holds its partitions must not linger; nor must one that was told to end. A thread of its own looks on; it counts its own looks, so that
 * a process that was stopped as a whole (SIGSTOP, a suspended machine) and goes on is not ended for it.
 */
export const watchEventLoop = (options: Omit<Watched, "shared">): Watchdog => {
  const shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const beat = setInterval(() => Atomics.add(shared, shares.beats, 1), options.look_ms)
  beat.unref()
  const workerData: Watched = { shared, ...options }
  const thread = new Worker(new URL("./watchdog-thread.ts", import.meta.url), { workerData })
  thread.unref()
  return {
    endWithin: (end_ms_max) => {
      Atomics.store(shared, shares.end_looks_max, Math.ceil(end_ms_max / options.look_ms))
    },
  }
}
