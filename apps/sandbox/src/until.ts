import { setTimeout as sleep } from "node:timers/promises"

const askAgainMs = 20

/**
 * Asks again and again until the answer is not null, and returns it. An error of the question counts as "not yet" and is
 * told when time runs out; it ends the waiting when `fatal` says so.
 */
export const until = async <Value>(
  what: string,
  question: () => Promise<Value | null>,
  {
    timeoutMs = 60_000,
    fatal = () => false,
  }: { readonly timeoutMs?: number; readonly fatal?: () => boolean } = {},
): Promise<Value> => {
  const deadline = performance.now() + timeoutMs
  let last: unknown = null
  while (performance.now() < deadline) {
    try {
      const value = await question()
      if (value !== null) return value
      last = null
    } catch (error) {
      if (fatal()) throw error
      last = error
    }
    await sleep(askAgainMs)
  }
  throw new Error(
    `waited ${timeoutMs} ms in vain for ${what}${last === null ? "" : ` (${last instanceof Error ? last.message : last})`}`,
  )
}
