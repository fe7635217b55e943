import { afterEach, beforeEach, expect } from "vitest"

/** Fails each test of the file during which a promise was rejected where no one could catch it. */
export const expectNoUnhandledRejections = (): void => {
  const seen: unknown[] = []
  const note = (reason: unknown) => void seen.push(reason)
  beforeEach(() => {
    seen.length = 0
    process.on("unhandledRejection", note)
    process.on("uncaughtException", note)
  })
  afterEach(async () => {
    // Node tells of a rejection after the microtasks of the turn in which it happened.
    await new Promise((resolve) => setImmediate(resolve))
    process.off("unhandledRejection", note)
    process.off("uncaughtException", note)
    expect(seen).toEqual([])
  })
}
