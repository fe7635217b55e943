import * as fc from "fast-check"
import { expect, test } from "vitest"
import { backoffDelayMs, retry } from "../../src/net/backoff.ts"

const policy = { attempts_max: 3, base_ms: 100, cap_ms: 1_000 }

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

/** A run of `retry` whose work fails so often, and the waits it took. */
const run = async (
  failures: number,
  options: { readonly retryable?: boolean; readonly signal?: AbortSignal } = {},
) => {
  const waits: number[] = []
  const result = await retry(
    async (attempt) => {
      if (attempt <= failures) throw new Error(`failure ${attempt}`)
      return attempt
    },
    {
      policy,
      random: () => 0,
      retryable: () => options.retryable ?? true,
      wait: async (delay_ms) => waits.push(delay_ms),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  ).catch((error: unknown) => String(error))
  return { result, waits }
}

test("tries again until it succeeds", async () => {
  expect(await run(0)).toEqual({ result: 1, waits: [] })
  expect(await run(2)).toEqual({ result: 3, waits: [50, 100] })
})

test("throws the last error after the last attempt", async () => {
  expect(await run(3)).toEqual({ result: "Error: failure 3", waits: [50, 100] })
})

test("does not try again what cannot succeed", async () => {
  expect(await run(1, { retryable: false })).toEqual({ result: "Error: failure 1", waits: [] })
})

test("does not begin once it was given up", async () => {
  const { result, waits } = await run(0, { signal: AbortSignal.abort(new Error("stopped")) })
  expect({ result, waits }).toEqual({ result: "Error: stopped", waits: [] })
})

test("gives up while it waits", async () => {
  const stop = new AbortController()
  const outcome = retry(() => Promise.reject(new Error("down")), {
    policy: { attempts_max: 2, base_ms: 60_000, cap_ms: 60_000 },
    random: () => 0,
    retryable: () => true,
    onRetry: () => stop.abort(),
    signal: stop.signal,
  })
  await expect(outcome).rejects.toMatchObject({ name: "AbortError" })
})
