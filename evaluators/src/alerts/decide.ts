import type { Cut } from "@landfall/domain/position"
import { epochMs } from "@landfall/domain/timestamp"
import type { Alert, AlertCode } from "@landfall/domain/topics/alert"
import { holds } from "./assess.ts"
import { clearedAlert, raisedAlert } from "./record.ts"
import { type EvaluatorState, keyOf, type Slot, type Subject } from "./state.ts"

/** When and with what knowledge a decision is made. */
export interface Moment {
  readonly now_ms: number
  readonly cut: Cut
}

/** The transitions of one subject at one tick, and the first instant at which there can be another. */
export interface Decision {
  readonly alerts: ReadonlyArray<Alert>
  readonly due_ms: number
}

/** What a slot has to say at a tick. `active_ms` is since when its rule has the subject, null while it has not. */
interface Verdict {
  readonly alert: Alert | null
  readonly due_ms: number
  readonly active_ms: number | null
}

const never = Number.POSITIVE_INFINITY
const atOnce = Number.NEGATIVE_INFINITY

/** Decides for all rules of a subject together, because some yield to others. */
export const decideSubject = (state: EvaluatorState, subject: Subject, moment: Moment): Decision => {
  const alerts: Alert[] = []
  const active = new Map<AlertCode, number>()
  let due_ms = never
  for (const slot of subject.slots) {
    const overruled = slot.rule.yields_to.map((code) => active.get(code)).find((since) => since !== undefined)
    const verdict = judge(state, subject, slot, overruled ?? null, moment)
    if (verdict.active_ms !== null) active.set(slot.rule.code, verdict.active_ms)
    if (verdict.alert !== null) alerts.push(verdict.alert)
    due_ms = Math.min(due_ms, verdict.due_ms)
  }
  return { alerts, due_ms }
}

/** Why a slot cannot be decided now, though everything was read; null when it can. */
export const errorOf = (subject: Subject, { alert, error }: Slot): string | null => {
  if (error !== null) return error
  return subject.row === null && alert?.status === "raised" && alert.details.evidence.length > 0
    ? `the events behind ${alert.alert_key} are no longer in Kafka: it stays raised until a new one comes`
    : null
}

const judge = (
  state: EvaluatorState,
  subject: Subject,
  slot: Slot,
  overruled_ms: number | null,
  moment: Moment,
): Verdict => {
  const before = slot.alert
  const raised_ms = before?.status === "raised" ? epochMs(before.raised_at) : null
  if (errorOf(subject, slot) !== null) return { alert: null, due_ms: never, active_ms: raised_ms }
  try {
    if (before === null || raised_ms === null)
      return overruled_ms === null ? judgeQuiet(state, subject, slot, before, moment) : rest(null)
    return judgeRaised(state, subject, slot, { before, raised_ms, overruled_ms }, moment)
  } catch (error) {
    // Nothing is published about a subject whose alert cannot be written; it is shown, and held as it was.
    slot.error = `${keyOf(slot.rule, subject.key)} cannot be written: ${error instanceof Error ? error.message : String(error)}`
    return { alert: null, due_ms: never, active_ms: raised_ms }
  }
}

const rest = (active_ms: number | null, due_ms = never): Verdict => ({ alert: null, due_ms, active_ms })

/** The verdict on a key that is not raised. */
const judgeQuiet = (
  state: EvaluatorState,
  subject: Subject,
  slot: Slot,
  before: Alert | null,
  moment: Moment,
): Verdict => {
  const { breach } = slot
  if (breach === null || !holds(breach, moment.now_ms))
    return rest(null, breach !== null && breach.from > moment.now_ms ? breach.from : never)
  const alert = raisedAlert(state, subject, slot, { breach, before }, moment)
  return { alert, due_ms: atOnce, active_ms: breach.from }
}

/** The verdict on a key that is raised. */
const judgeRaised = (
  state: EvaluatorState,
  subject: Subject,
  slot: Slot,
  {
    before,
    raised_ms,
    overruled_ms,
  }: {
    readonly before: Alert
    readonly raised_ms: number
    readonly overruled_ms: number | null
  },
  moment: Moment,
): Verdict => {
  const { now_ms } = moment
  const { breach, rule } = slot
  if (overruled_ms === null && holds(breach, now_ms)) return rest(raised_ms, breach?.until ?? never)
  const waits = overruled_ms === null && rule.clears === "after_quiet" && !isDisplaced(subject, slot, now_ms)
  const quiet_ms = waits ? state.policy.rules[rule.code].clear_after_ms : 0
  const ended_ms = overruled_ms ?? endOf(slot, now_ms)
  const from = breach !== null && breach.from > now_ms ? breach.from : never
  if (ended_ms + quiet_ms > now_ms) return rest(raised_ms, Math.min(ended_ms + quiet_ms, from))
  const cleared_ms = Math.min(now_ms, Math.max(raised_ms, ended_ms + quiet_ms))
  const escalated = overruled_ms !== null
  const alert = clearedAlert(state, subject, slot, { before, cleared_ms, escalated }, moment)
  return { alert, due_ms: atOnce, active_ms: null }
}

/** Whether a rule of the same rank has the subject now: of two that yield to a third, one is raised at a time. */
const isDisplaced = (subject: Subject, slot: Slot, now_ms: number): boolean =>
  subject.slots.some(
    (other) =>
      other !== slot &&
      other.error === null &&
      other.rule.yields_to.some((code) => slot.rule.yields_to.includes(code)) &&
      holds(other.breach, now_ms),
  )

/** When the latest breach ended, at most now; now, when nothing that was read says it. */
const endOf = ({ breach, recovered_ms }: Slot, now_ms: number): number => {
  const until = breach?.until
  const ended = until !== undefined && until <= now_ms ? Math.max(until, recovered_ms) : recovered_ms
  return ended === Number.NEGATIVE_INFINITY ? now_ms : Math.min(ended, now_ms)
}
