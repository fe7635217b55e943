/** The calls of a native client that were not answered yet. */
export interface Calls {
  /** Counts a call until it is answered, and gives its answer. */
  readonly count: <Value>(call: Promise<Value>) => Promise<Value>
  /** Runs when no call is under way: at once, or after the last of them was answered. */
  readonly whenNone: (run: () => void) => void
}

/**
 * Keeps a native client from being closed under a call. Its calls run on other threads, and its closing destroys what they
 * work with: librdkafka ends the process when it finds a transaction there, the admin client holds up the event loop until
 * it has been answered.
 */
export const callsOf = (): Calls => {
  let underWay = 0
  let waiting: Array<() => void> = []
  return {
    count: async (call) => {
      underWay++
      try {
        return await call
      } finally {
        underWay--
        if (underWay === 0) {
          const next = waiting
          waiting = []
          for (const run of next) run()
        }
      }
    },
    whenNone: (run) => {
      if (underWay === 0) run()
      else waiting.push(run)
    },
  }
}
