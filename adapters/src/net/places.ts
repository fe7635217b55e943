/** A bounded number of places, with a bounded queue before them. */
export interface Places {
  /** Runs the work when a place is free. Rejects with `whenFull()` when the queue is full, or with the signal's reason. */
  readonly use: <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>
}

/** Places for `concurrency_max` pieces of work at once; `queue_max` more may wait, first come, first served. */
export const createPlaces = (
  size: { readonly concurrency_max: number; readonly queue_max: number },
  whenFull: () => Error,
): Places => {
  let busy = 0
  const waiting: Array<() => void> = []

  const enter = (signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted()
    if (busy < size.concurrency_max) {
      busy++
      return Promise.resolve()
    }
    if (waiting.length >= size.queue_max) throw whenFull()
    return new Promise((resolve, reject) => {
      const proceed = () => {
        signal?.removeEventListener("abort", giveUp)
        resolve()
      }
      const giveUp = () => {
        waiting.splice(waiting.indexOf(proceed), 1)
        reject(signal?.reason)
      }
      waiting.push(proceed)
      signal?.addEventListener("abort", giveUp, { once: true })
    })
  }

  const leave = () => {
    const next = waiting.shift()
    // The place goes on to the next in line, so that `busy` stays as it is.
    if (next === undefined) busy--
    else next()
  }

  return {
    use: async (work, signal) => {
      await enter(signal)
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}
