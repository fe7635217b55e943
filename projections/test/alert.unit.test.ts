import { type Alert, alertEventId, alertKey } from "@landfall/domain/topics/alert"
import { describe, it } from "vitest"
import { alert } from "../src/alert.ts"
import { given } from "../src/testing/given.ts"
import { storyTime } from "../src/testing/pools.ts"

const key = alertKey("reference_price_stale", "market-reference-ingest", "BTC/EURe")

const transition = (episode: number, status: Alert["status"], seconds: number): Alert => ({
  alert_event_id: alertEventId(key, episode, status),
  alert_key: key,
  episode,
  alert_code: "reference_price_stale",
  status,
  severity: "critical",
  reason: status === "raised" ? "older than 30000 ms" : "seen again",
  service_scope: "market-reference-ingest",
  pair: "BTC/EURe",
  raised_at: storyTime(episode * 10),
  cleared_at: status === "raised" ? null : storyTime(seconds),
  first_raised_at: storyTime(10),
  last_evaluated_at: storyTime(seconds),
  details: {
    evaluated_at: storyTime(seconds),
    deadline: storyTime(episode * 10),
    window_ms: 30_000,
    policy_version: 1,
    cut: { "ref.market_price": { "0": 3 } },
    evidence: [],
    observed_price: { text: "60000.1" },
  },
})

const raised = transition(1, "raised", 10)
const cleared = transition(1, "cleared", 15)
const raisedAgain = transition(2, "raised", 20)

describe("an alert", () => {
  it("is raised", () => given(alert).when(raised).then(raised))
  it("is cleared", () => given(alert, [raised]).when(cleared).then(cleared))
  it("is raised again in the next episode", () => {
    given(alert, [raised, cleared]).when(raisedAgain).then(raisedAgain)
  })
  it("stays cleared when the raise of the same episode comes late", () => {
    given(alert, [cleared]).when(raised).thenNothingChanges()
  })
  it("stays raised when the clear of an earlier episode comes late", () => {
    given(alert, [raised, raisedAgain]).when(cleared).thenNothingChanges()
  })
  it("goes by episode and status, not by the time of evaluation", () => {
    const early = transition(2, "raised", 1)
    given(alert, [raised, cleared]).when(early).then(early)
  })
  it("is kept for each key on its own", () => {
    const other = {
      ...raised,
      alert_key: alertKey("reference_price_stale", "market-reference-ingest", "EURe/BTC"),
    }
    given(alert, [raised, cleared]).when(other).then(other)
  })
})
