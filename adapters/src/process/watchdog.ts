import { Worker } from "node:worker_threads"

/** A running watch over this process's event loop. */
export interface Watchdog {
  readonly stop: () => Promise<void>
}

/**
 * Ends this process when its event loop stands still for so long: a service that answers nobody, not even its probes, and
 * holds its partitions must not linger. A thread of its own looks on; it counts its own looks, so that a process that was
 * stopped as a whole (SIGSTOP, a suspended machine) and goes on is not ended for it.
 */
export const watchEventLoop = (options: {
  readonly stall_ms_max: number
  readonly look_ms: number
}): Watchdog => {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const beat = setInterval(() => Atomics.add(beats, 0, 1), options.look_ms)
  beat.unref()
  const thread = new Worker(new URL("./watchdog-thread.ts", import.meta.url), {
    workerData: { beats, looks_max: Math.ceil(options.stall_ms_max / options.look_ms), ...options },
  })
  thread.unref()
  return {
    stop: async () => {
      clearInterval(beat)
      await thread.terminate()
    },
  }
}
