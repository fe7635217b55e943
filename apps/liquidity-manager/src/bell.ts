/** Wakes who waits, at once or at the next wait. */
export interface Bell {
  readonly ring: () => void
  /** Resolves at a ring (also one since the last wait), after `waitMs`, or when the signal aborts. */
  readonly wait: (waitMs: number, signal: AbortSignal) => Promise<void>
}

/** A bell that has not rung. */
export const createBell = (): Bell => {
  let rung = false
  let wake: (() => void) | null = null
  return {
    ring: () => {
      rung = true
      wake?.()
    },
    wait: (waitMs, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          signal.removeEventListener("abort", done)
          wake = null
          rung = false
          resolve()
        }
        const timer = setTimeout(done, waitMs)
        wake = done
        signal.addEventListener("abort", done)
        if (rung || signal.aborted) done()
      }),
  }
}
