import { setTimeout as sleep } from "node:timers/promises"

const askAgainMs = 20

export interface UntilOptions {
  readonly timeoutMs?: number
  /** Whether an error of the question ends the waiting at once. */
  readonly fatal?: () => boolean
  /** How things stand, told when time has run out. */
  readonly standing?: () => unknown
}

/**
 * Asks again and again until the answer is not null, and returns it. An error of the question counts as "not yet" and is
 * told when time runs out: what is asked comes and goes.
 */
export const until = async <Value>(
  what: string,
  question: () => Promise<Value | null> | Value | null,
  { timeoutMs = 60_000, fatal = () => false, standing }: UntilOptions = {},
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
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}${wordsOf(last)}${await standsAt(standing)}`, {
    cause: last,
  })
}

const wordsOf = (error: unknown): string =>
  error === null ? "" : ` (${error instanceof Error ? error.message : error})`

const standsAt = async (standing: (() => unknown) | undefined): Promise<string> => {
  if (standing === undefined) return ""
  try {
    return `; it stands at ${JSON.stringify(await standing())}`
  } catch (error) {
    return `; how it stands cannot be told${wordsOf(error)}`
  }
}
