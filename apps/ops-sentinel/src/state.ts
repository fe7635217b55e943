import type { Standing } from "@landfall/adapters/http/service"
import type { Readiness } from "@landfall/adapters/http/standard-routes"
import type { Position } from "@landfall/domain/position"
import { timestamp } from "@landfall/domain/timestamp"
import { Alert, AlertCode } from "@landfall/domain/topics/alert"
import type { EvaluatorState } from "@landfall/evaluators/alerts/state"
import {
  activeAlerts,
  type Evaluation,
  evaluation,
  evaluations,
  latestClearedAlerts,
} from "@landfall/evaluators/alerts/views"
import { Schema } from "effect"
import { unread } from "./reading.ts"
import type { Sentinel } from "./sentinel.ts"

/** What `/state` shows at most; the paginated lists under `/v1` have all. */
const alerts_max = 100
const evaluations_max = 500

/** How a key stands, as it is shown beside the key. */
export const ShownEvaluation = Schema.Struct({
  alert_code: AlertCode,
  state: Schema.Literals(["ok", "pending", "raised", "lagging", "error"]),
  last_evaluated_at: Schema.NullOr(Schema.String),
  deadline: Schema.NullOr(Schema.String),
  error: Schema.optionalKey(Schema.String),
})

/** What `/state` looks like, for the documentation. */
export const StateDocument = Schema.Struct({
  paused: Schema.Boolean,
  paused_since: Schema.NullOr(Schema.String),
  trouble: Schema.NullOr(Schema.String),
  policy_version: Schema.NullOr(Schema.Int),
  last_tick_at: Schema.NullOr(Schema.String),
  lagging: Schema.Array(Schema.Struct({ topic: Schema.String, partition: Schema.String, lag: Schema.Int })),
  active_alerts_total: Schema.Int,
  active_alerts: Schema.Array(Alert),
  latest_cleared_alerts_total: Schema.Int,
  latest_cleared_alerts: Schema.Array(Alert),
  evaluations_complete: Schema.Boolean,
  evaluations: Schema.Record(Schema.String, ShownEvaluation),
})

/** Those of raised alerts first, then as many others as fit. */
const shownEvaluations = (state: EvaluatorState, raised: ReadonlyArray<{ readonly alert_key: string }>) => {
  const shown = new Map<string, Omit<Evaluation, "alert_key">>()
  const show = ({ alert_key, ...one }: Evaluation): void => void shown.set(alert_key, one)
  for (const { alert_key } of raised) {
    const one = evaluation(state, alert_key)
    if (one !== undefined) show(one)
  }
  for (const one of evaluations(state)) {
    if (shown.has(one.alert_key)) continue
    if (shown.size >= evaluations_max) return { shown, complete: false }
    show(one)
  }
  return { shown, complete: true }
}

/** The `/state` document. */
export const stateOf = (sentinel: Sentinel): (typeof StateDocument)["Type"] => {
  const state = sentinel.state()
  const paused_since_ms = sentinel.paused_since_ms()
  const active = state === null ? [] : activeAlerts(state)
  const cleared = state === null ? [] : latestClearedAlerts(state)
  const { shown, complete } =
    state === null
      ? { shown: new Map<string, never>(), complete: false }
      : shownEvaluations(state, active.slice(0, alerts_max))
  return {
    paused: paused_since_ms !== null,
    paused_since: paused_since_ms === null ? null : timestamp(paused_since_ms),
    trouble: sentinel.trouble(),
    policy_version: state?.policy.version ?? null,
    last_tick_at: state === null || state.tick_ms === null ? null : timestamp(state.tick_ms),
    lagging: state === null ? [] : unread(state, sentinel.ends()),
    active_alerts_total: active.length,
    active_alerts: active.slice(0, alerts_max),
    latest_cleared_alerts_total: cleared.length,
    latest_cleared_alerts: cleared.slice(0, alerts_max),
    evaluations_complete: complete,
    evaluations: Object.fromEntries(shown),
  }
}

/** How far the topics were read. */
export const positionOf = (state: EvaluatorState | null): Position =>
  Object.fromEntries(
    [...(state?.next ?? [])].map(([topic, partitions]) => [
      topic,
      Object.fromEntries([...partitions].map(([partition, next]) => [String(partition), next])),
    ]),
  )

/** Where an answer stands: how far the topics were read, and how long ago each was read to its end. */
export const standingOf = (sentinel: Sentinel, now_ms: number): Standing => ({
  position: positionOf(sentinel.state()),
  behind_seconds: Object.fromEntries(
    [...sentinel.read_ms()].map(([topic, at_ms]) => [topic, Math.max(0, (now_ms - at_ms) / 1000)]),
  ),
})

/** Ready once everything was read to its end and a first tick was made, and as long as that stays so. */
export const readinessOf = (sentinel: Sentinel): Readiness => {
  const trouble = sentinel.trouble()
  const state = sentinel.state()
  const ends = sentinel.ends()
  const ticks = trouble === null && sentinel.latest() !== null
  const unknown = [...(state?.next.keys() ?? [])].filter((topic) => !Object.hasOwn(ends, topic))
  const reasons = [
    ...(trouble === null ? [] : [trouble]),
    ...(trouble === null && !ticks ? ["no tick was made yet"] : []),
    ...(ticks && unknown.length > 0 ? [`Kafka: the end of ${unknown.join(", ")} is not known`] : []),
    ...(state === null ? [] : unread(state, ends)).map(
      ({ topic, partition, lag }) =>
        `${topic}/${partition} was not read to its end: ${lag} offsets are missing`,
    ),
  ]
  return { ready: reasons.length === 0, reasons }
}
