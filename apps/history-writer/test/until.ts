import { setTimeout as sleep } from "node:timers/promises"

const pollMs = 20

/**
 * Asks again and again until the answer is not null, and returns it; fails after the deadline with what was awaited and
 * how things stood. Answers that throw count as "not yet": the parts under test come and go.
 */
export const until = async <Answer>(
  what: string,
  ask: () => Promise<Answer | null> | Answer | null,
  options: { readonly deadlineMs?: number; readonly standing?: () => unknown } = {},
): Promise<Answer> => {
  const { deadlineMs = 60_000, standing } = options
  const deadline = performance.now() + deadlineMs
  let last: unknown = null
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== null) return answer
      last = null
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) {
      const now = await Promise.resolve(standing?.()).catch((error: unknown) => error)
      throw new Error(`not within ${deadlineMs} ms: ${what}; it stands at ${JSON.stringify(now)}`, {
        cause: last,
      })
    }
    await sleep(pollMs)
  }
}
