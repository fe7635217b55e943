/** How far apart something is tried that is tried until it succeeds. */
export interface BackoffPolicy {
  readonly base_ms: number
  readonly cap_ms: number
}

/**
 * The wait after the given failed attempt (from 1): doubling up to the cap, half of it random, so that many
 * clients do not come back at the same instant and none comes back at once. Whoever polls makes one attempt a poll,
 * each bounded in time; this bounds how often.
 */
export const backoffDelayMs = (attempt: number, policy: BackoffPolicy, random: () => number): number => {
  const full_ms = Math.min(policy.cap_ms, policy.base_ms * 2 ** Math.min(attempt - 1, 30))
  return Math.round(full_ms / 2 + (full_ms / 2) * random())
}
