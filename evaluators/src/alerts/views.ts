import { type Timestamp, timestamp } from "@landfall/domain/timestamp"
import type { Alert } from "@landfall/domain/topics/alert"
import { holds } from "./assess.ts"
import { errorOf } from "./decide.ts"
import { timestampAtMost } from "./define-rule.ts"
import { type EvaluatorState, keyOf, type Slot, type Source, type Subject } from "./state.ts"

/** How a key stood at the latest tick. */
export interface Evaluation {
  readonly alert_key: string
  readonly alert_code: Alert["alert_code"]
  readonly state: "ok" | "pending" | "raised" | "lagging" | "error"
  /** The latest tick that could decide about it; null before the first. */
  readonly last_evaluated_at: Timestamp | null
  /** When it raises unless something changes; null when nothing is to come. */
  readonly deadline: Timestamp | null
  /** Present when `state` is `error`. */
  readonly error?: string
}

/** How every key stands. A key that was not due stands as it stood: that is what the queue of deadlines knows. */
export function* evaluations(state: EvaluatorState): Generator<Evaluation> {
  for (const source of state.sources)
    for (const subject of source.subjects.values())
      for (const slot of subject.slots) yield evaluationOf(state, source, subject, slot)
}

/** How one key stands, or undefined for a key that is not known. */
export const evaluation = (state: EvaluatorState, alert_key: string): Evaluation | undefined => {
  for (const source of state.sources) {
    const rule = source.rules.find(({ code, scope }) => alert_key.startsWith(`${code}:${scope}:`))
    if (rule === undefined) continue
    const direct = source.subjects.get(alert_key.slice(`${rule.code}:${rule.scope}:`.length))
    // Only a key that was too long is not its subject's name.
    for (const subject of direct === undefined ? source.subjects.values() : [direct]) {
      const slot = subject.slots.find((one) => keyOf(one.rule, subject.key) === alert_key)
      if (slot !== undefined) return evaluationOf(state, source, subject, slot)
    }
  }
  return undefined
}

const evaluationOf = (state: EvaluatorState, source: Source, subject: Subject, slot: Slot): Evaluation => {
  const error = errorOf(subject, slot)
  const raised = slot.alert?.status === "raised"
  const at_ms = state.tick_ms ?? Number.NEGATIVE_INFINITY
  const ahead = !raised && slot.breach !== null && slot.breach.from > at_ms ? slot.breach.from : null
  return {
    alert_key: keyOf(slot.rule, subject.key),
    alert_code: slot.rule.code,
    state: error !== null ? "error" : source.caught_up ? calm(subject, slot, raised, at_ms) : "lagging",
    last_evaluated_at: source.evaluated_ms === null ? null : timestamp(source.evaluated_ms),
    deadline: ahead === null ? null : timestampAtMost(ahead),
    ...(error !== null && { error }),
  }
}

const calm = (subject: Subject, slot: Slot, raised: boolean, at_ms: number): "ok" | "pending" | "raised" => {
  if (raised) return "raised"
  if (slot.breach === null || (slot.breach.until ?? Number.POSITIVE_INFINITY) <= at_ms) return "ok"
  if (slot.breach.from > at_ms) return subject.row === null ? "pending" : slot.rule.ahead
  // It holds and is not raised: another rule has the subject, or nothing is emitted now.
  return holds(slot.breach, at_ms) && !isOverruled(subject, slot) ? "pending" : "ok"
}

const isOverruled = (subject: Subject, { rule }: Slot): boolean =>
  subject.slots.some((other) => rule.yields_to.includes(other.rule.code) && other.alert?.status === "raised")

/** The alerts that are raised now, in the order of their keys. */
export const activeAlerts = (state: EvaluatorState): ReadonlyArray<Alert> =>
  [...state.alerts.values()]
    .filter((alert) => alert.status === "raised")
    .sort((left, right) => (left.alert_key < right.alert_key ? -1 : 1))

/** The alerts that were cleared and not raised since, latest first. */
export const latestClearedAlerts = (state: EvaluatorState): ReadonlyArray<Alert> =>
  [...state.alerts.values()]
    .filter((alert) => alert.status === "cleared")
    .sort((left, right) =>
      left.cleared_at === right.cleared_at
        ? left.alert_key < right.alert_key
          ? -1
          : 1
        : (right.cleared_at ?? "") < (left.cleared_at ?? "")
          ? -1
          : 1,
    )
