import { setTimeout as sleep } from "node:timers/promises"

const pollMs = 25

/** Asks until the answer is not null; fails after the deadline with what was awaited. An answer that throws is "not yet". */
export const until = async <Answer>(
  what: string,
  ask: () => Promise<Answer | null> | Answer | null,
  deadlineMs = 60_000,
): Promise<Answer> => {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    let last: unknown = null
    try {
      const answer = await ask()
      if (answer !== null) return answer
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: last })
    await sleep(pollMs)
  }
}
