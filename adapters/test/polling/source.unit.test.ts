import { expect, test } from "vitest"
import { createSource, shownHealth } from "../../src/polling/source.ts"

const given = () => {
  const clock = { now_ms: Date.UTC(2026, 10, 23) }
  class Old extends Error {}
  const source = createSource<string>({
    name: "verifier",
    now: () => clock.now_ms,
    fresh_ms_max: 10_000,
    isStale: (error) => error instanceof Old,
  })
  return { clock, source, Old }
}
const fails = (error: Error) => () => Promise.reject(error)

test("is stale before it was asked, ok once it answered, and stale when the answer is old", async () => {
  const { clock, source } = given()
  expect(source.health()).toMatchObject({ state: "stale", age_ms: null, last_error: null })
  await source.ask(async () => "balances")
  clock.now_ms += 10_000
  expect(source.health()).toMatchObject({ state: "ok", age_ms: 10_000 })
  clock.now_ms += 1
  expect(source.health()).toMatchObject({ state: "stale", age_ms: 10_001 })
})

test("keeps what was known, and its age, while it is down", async () => {
  const { clock, source } = given()
  await source.ask(async () => "balances")
  clock.now_ms += 4_000
  await expect(source.ask(fails(new Error("nothing listens there")))).rejects.toThrow("nothing listens")
  await expect(source.ask(fails(new Error("nothing listens there")))).rejects.toThrow("nothing listens")
  expect(source.last()).toBe("balances")
  expect(shownHealth(source.health())).toEqual({
    state: "down",
    last_success_at: "2026-11-23T00:00:00.000Z",
    age_seconds: 4,
    last_error: "nothing listens there",
    last_error_at: "2026-11-23T00:00:04.000Z",
    failures: 2,
  })
  await source.ask(async () => "newer")
  expect(source.health()).toMatchObject({ state: "ok", failures: 0, last_error: "nothing listens there" })
})

test("is stale, not down, when it answers with old news", async () => {
  const { source, Old } = given()
  await expect(source.ask(fails(new Old("block 7 after block 9")))).rejects.toThrow()
  expect(source.health()).toMatchObject({ state: "stale", last_error: "block 7 after block 9" })
})

test("counts an answer as old as its question", async () => {
  const { clock, source } = given()
  await source.ask(async () => {
    clock.now_ms += 3_000
    return "slow"
  })
  expect(source.health()).toMatchObject({ state: "ok", age_ms: 3_000 })
})

test("thinks nothing of a question that was given up", async () => {
  const { source } = given()
  await source.ask(async () => "balances")
  await expect(source.ask(fails(new Error("given up")), AbortSignal.abort())).rejects.toThrow("given up")
  expect(source.health()).toMatchObject({ state: "ok", last_error: null, failures: 0 })
})
