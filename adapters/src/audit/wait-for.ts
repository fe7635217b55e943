import { type Position, reached } from "@landfall/domain/position"

/** Waits until the record has a position. */
export interface PositionWaiter {
  /** True once everything before the position was written; false when that took longer than the time given. */
  readonly until: (target: Position, timeoutMs: number, signal?: AbortSignal) => Promise<boolean>
}

export interface WaiterOptions {
  /** How far every partition was written. */
  readonly read: () => Promise<Position>
  /** How long to rest between two looks. */
  readonly pollMs: number
}

interface Waiting {
  readonly target: Position
  readonly settle: (outcome: { readonly reached: boolean } | { readonly error: unknown }) => void
}

/**
 * Opens a waiter. However many wait, one look in a while serves them all, and without anybody who waits there is none.
 */
export const openWaiter = ({ read, pollMs }: WaiterOptions): PositionWaiter => {
  const all = new Set<Waiting>()
  let looking = false

  const look = async (): Promise<void> => {
    looking = true
    while (all.size > 0) {
      // Who comes while the answer is on its way waits for the next look: this one may be older than its question.
      const asked = [...all]
      try {
        const position = await read()
        for (const one of asked) if (reached(position, one.target)) one.settle({ reached: true })
      } catch (error) {
        for (const one of asked) one.settle({ error })
      }
      if (all.size > 0) await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
    looking = false
  }

  return {
    until: (target, timeoutMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const abort = (): void => waiting.settle({ error: signal?.reason })
        const timer = setTimeout(() => waiting.settle({ reached: false }), timeoutMs)
        const waiting: Waiting = {
          target,
          settle: (outcome) => {
            clearTimeout(timer)
            signal?.removeEventListener("abort", abort)
            all.delete(waiting)
            if ("error" in outcome) reject(outcome.error)
            else resolve(outcome.reached)
          },
        }
        signal?.addEventListener("abort", abort, { once: true })
        all.add(waiting)
        if (!looking) void look()
      }),
  }
}

/** The partitions that the position has not reached, each with where it stands and what is waited for. */
export const missing = (position: Position, target: Position): ReadonlyArray<string> =>
  Object.entries(target).flatMap(([topic, partitions]) =>
    Object.entries(partitions).flatMap(([partition, next]) => {
      const at = position[topic]?.[partition] ?? 0
      return at >= next ? [] : [`${topic}/${partition} stands at ${at}, not yet at ${next}`]
    }),
  )
