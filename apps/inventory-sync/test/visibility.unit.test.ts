import { until } from "@landfall/sandbox/until"
import { expect, onTestFinished, test } from "vitest"
import { noVisibility, watchVisibility } from "../src/visibility.ts"

const given = (answers: ReadonlyArray<unknown>) => {
  let asked = 0
  const visibility = watchVisibility({
    client: {
      get: async () => {
        const answer = answers[Math.min(asked, answers.length - 1)]
        asked += 1
        if (answer instanceof Error) throw answer
        return answer
      },
    },
    interval_ms: 1,
    now: () => Date.UTC(2026, 10, 23),
  })
  onTestFinished(() => visibility.stop())
  const afterAll = () =>
    until("all answers", async () => (asked > answers.length ? visibility.shown() : null))
  return afterAll
}
const totals = (by_asset: unknown) => ({
  as_of: "2026-11-23T00:00:00.000Z",
  uncredited_funding_total_by_asset: by_asset,
})

test("shows the totals as they are told, digit for digit", async () => {
  const shown = await given([totals({ BTC: "9007199254740993", EURe: "0" })])()
  expect(shown).toEqual({
    pre_credit_inbound: { BTC: "9007199254740993", EURe: "0" },
    state: "ok",
    as_of: "2026-11-23T00:00:00.000Z",
    age_seconds: 0,
    last_error: null,
  })
})

test.each([
  ["no totals", { as_of: "2026-11-23T00:00:00.000Z" }],
  ["a number", totals({ BTC: 50_000_000 })],
  ["a negative amount", totals({ BTC: "-1" })],
  ["a fraction", totals({ BTC: "0.5" })],
  ["a name that does not print", totals({ "BTC\u001b[2J": "1" })],
  ["a list", totals(["1"])],
  [
    "more assets than there are",
    totals(Object.fromEntries(Array.from({ length: 1_001 }, (_, place) => [`A${place}`, "1"]))),
  ],
  ["text", "50000000"],
  ["null", null],
])("shows nothing made up when it is told %s", async (_what, answer) => {
  const shown = await given([answer])()
  expect(shown).toMatchObject({
    pre_credit_inbound: null,
    state: "unavailable",
    age_seconds: null,
    last_error: expect.stringContaining("liquidity-manager: its /state has no"),
  })
})

test("keeps the last totals, with what went wrong since", async () => {
  const shown = await given([totals({ BTC: "1" }), new Error("nothing listens there")])()
  expect(shown).toMatchObject({
    pre_credit_inbound: { BTC: "1" },
    state: "unavailable",
    last_error: "nothing listens there",
  })
})

test("is stale, and as old as the last look, when the liquidity-manager answers and no longer looks", async () => {
  const shown = await given([{ ...totals({ BTC: "1" }), last_round_at: "2026-11-22T23:59:00.000Z" }])()
  expect(shown).toMatchObject({ state: "stale", as_of: "2026-11-22T23:59:00.000Z", age_seconds: 60 })
})

test("says that it looks nowhere when no address is configured", () => {
  expect(noVisibility.shown()).toMatchObject({ pre_credit_inbound: null, state: "not_configured" })
})
