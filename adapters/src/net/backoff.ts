import { setTimeout as sleep } from "node:timers/promises"
import { limits } from "../config/limits.ts"

/** How often and how far apart something is tried. */
export interface BackoffPolicy {
  readonly attempts_max: number
  readonly base_ms: number
  readonly cap_ms: number
}

export interface RetryOptions {
  readonly policy?: BackoffPolicy
  /** Randomness in [0, 1), given in, so that a test or a simulation decides. */
  readonly random: () => number
  /** Waits; rejects when the signal aborts. */
  readonly wait?: (delay_ms: number, signal?: AbortSignal) => Promise<unknown>
  readonly signal?: AbortSignal
  /** Whether another try makes sense; anything else is thrown at once. */
  readonly retryable: (error: unknown) => boolean
  /** Told before each wait, for the log and the metrics. */
  readonly onRetry?: (error: unknown, attempt: number, delay_ms: number) => void
}

/**
 * The wait after the given failed attempt (from 1): doubling up to the cap, half of it random, so that many
 * clients do not come back at the same instant and none comes back at once.
 */
export const backoffDelayMs = (attempt: number, policy: BackoffPolicy, random: () => number): number => {
  const full_ms = Math.min(policy.cap_ms, policy.base_ms * 2 ** Math.min(attempt - 1, 30))
  return Math.round(full_ms / 2 + (full_ms / 2) * random())
}

/** Tries until it succeeds, fails for good, or was tried often enough; then the last error is thrown. */
export const retry = async <T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> => {
  const policy = options.policy ?? limits.retry
  const wait = options.wait ?? ((delay_ms, signal) => sleep(delay_ms, undefined, { signal }))
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted()
    try {
      return await work(attempt)
    } catch (error) {
      if (attempt >= policy.attempts_max || !options.retryable(error)) throw error
      const delay_ms = backoffDelayMs(attempt, policy, options.random)
      options.onRetry?.(error, attempt, delay_ms)
      await wait(delay_ms, options.signal)
    }
  }
}
