import * as fc from "fast-check"
import { expect, test } from "vitest"
import { backoffDelayMs } from "../../src/net/backoff.ts"

const policy = { base_ms: 100, cap_ms: 1_000 }

test("waits twice as long each time up to the cap, half of it by chance", () => {
  const delays = (random: number) =>
    [1, 2, 3, 4, 5, 60].map((attempt) => backoffDelayMs(attempt, policy, () => random))
  expect(delays(0)).toEqual([50, 100, 200, 400, 500, 500])
  expect(delays(0.999999)).toEqual([100, 200, 400, 800, 1_000, 1_000])
})

test("never waits longer than the cap", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.float({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, random) => {
        const delay_ms = backoffDelayMs(attempt, policy, () => random)
        expect(delay_ms).toBeGreaterThanOrEqual(50)
        expect(delay_ms).toBeLessThanOrEqual(1_000)
      },
    ),
  )
})
