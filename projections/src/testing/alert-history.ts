import { type Alert, type AlertCode, alertEventId, alertKey } from "@landfall/domain/topics/alert"
import { priceEventId } from "@landfall/domain/topics/market-price"
import fc from "fast-check"
import { interleaved } from "./interleave.ts"
import { storyTime } from "./pools.ts"

const subjects: ReadonlyArray<{
  readonly code: AlertCode
  readonly scope: string
  readonly subject: string
}> = [
  { code: "reference_price_stale", scope: "market-reference-ingest", subject: "BTC/EURe" },
  { code: "inventory_snapshot_stale", scope: "inventory-sync", subject: "desk.near" },
  { code: "executor_submission_failed", scope: "executor", subject: "BTC/EURe" },
]

const plan = fc.record({
  transitions: fc.integer({ min: 0, max: 7 }),
  start_s: fc.nat({ max: 60 }),
  severity: fc.constantFrom("warning" as const, "critical" as const),
})

/** The nth transition of an alert: even ones raise, odd ones clear. */
const transition = (
  { code, scope, subject }: (typeof subjects)[number],
  severity: Alert["severity"],
  start_s: number,
  nth: number,
): Alert => {
  const key = alertKey(code, scope, subject)
  const episode = Math.floor(nth / 2) + 1
  const status = nth % 2 === 0 ? "raised" : "cleared"
  const raised_at = storyTime(start_s + episode * 10)
  const now = storyTime(start_s + episode * 10 + (nth % 2) * 5)
  return {
    alert_event_id: alertEventId(key, episode, status),
    alert_key: key,
    episode,
    alert_code: code,
    status,
    severity,
    reason: status === "raised" ? "nothing newer was seen" : "seen again",
    service_scope: scope,
    ...(code !== "inventory_snapshot_stale" && { pair: subject }),
    raised_at,
    cleared_at: status === "raised" ? null : now,
    first_raised_at: storyTime(start_s + 10),
    last_evaluated_at: now,
    details: {
      evaluated_at: now,
      deadline: raised_at,
      window_ms: 30_000,
      policy_version: 1,
      cut: { "ref.market_price": { "0": nth + 1 } },
      evidence: [
        {
          topic: "ref.market_price",
          partition: 0,
          offset: nth,
          event_id: priceEventId(subject, "kraken", raised_at),
        },
      ],
      observed: nth,
    },
  }
}

const plannedSubjects = subjects.map((subject) => plan.map((planned) => ({ subject, ...planned })))

/** Histories of `ops.alert`: alerts that are raised and cleared in episodes, some still raised at the end. */
export const alertHistory: fc.Arbitrary<ReadonlyArray<Alert>> = interleaved(
  fc
    .tuple(...plannedSubjects)
    .map((plans) =>
      plans.map(({ subject, transitions, start_s, severity }) =>
        Array.from({ length: transitions }, (_, nth) => transition(subject, severity, start_s, nth)),
      ),
    ),
)
