import type { Cut } from "@landfall/domain/position"
import { epochMs, timestamp } from "@landfall/domain/timestamp"
import { type Alert, alertEventId } from "@landfall/domain/topics/alert"
import { untoldClamps } from "./clamp.ts"
import type { AlertSubject, AnyRule, Breach, Facts } from "./define-rule.ts"
import { type EvaluatorState, evidenceBehind, isRetired, keyOf, type Slot, type Subject } from "./state.ts"

interface When {
  readonly now_ms: number
  readonly cut: Cut
}

/** Where people read what the alert means and what to do. */
const runbook = (code: string): string => `docs/runbook/${code}.md`

/** What every transition's `details` say beside deadline and window. */
const circumstances = (subject: Subject, rule: AnyRule) => {
  const clamps = untoldClamps(subject)
  return {
    ...(subject.clamped_to_ms !== null && { clamped_to: timestamp(subject.clamped_to_ms) }),
    ...(clamps !== null && { clamps }),
    subject: subject.key,
    runbook: runbook(rule.code),
    observed: factsOf(subject, rule),
  }
}

const factsOf = (subject: Subject, rule: AnyRule): Facts =>
  subject.row === null ? {} : rule.facts(subject.row)

const nameOf = (subject: Subject, rule: AnyRule): AlertSubject =>
  subject.row === null ? (rule.expects?.subject(subject.key) ?? {}) : rule.subject(subject.row)

/** The record of a raise. */
export const raisedAlert = (
  state: EvaluatorState,
  subject: Subject,
  { rule }: Slot,
  { breach, before }: { readonly breach: Breach; readonly before: Alert | null },
  { now_ms, cut }: When,
): Alert => {
  const alert_key = keyOf(rule, subject.key)
  const episode = (before?.episode ?? 0) + 1
  // An episode does not begin before the one before it ended.
  const ended_ms = typeof before?.cleared_at === "string" ? epochMs(before.cleared_at) : breach.from
  const raised_at = timestamp(Math.max(breach.from, ended_ms))
  const now = timestamp(now_ms)
  return {
    alert_event_id: alertEventId(alert_key, episode, "raised"),
    alert_key,
    episode,
    alert_code: rule.code,
    status: "raised",
    severity: state.policy.rules[rule.code].severity,
    reason: breach.reason,
    service_scope: rule.scope,
    ...nameOf(subject, rule),
    raised_at,
    cleared_at: null,
    first_raised_at: before?.first_raised_at ?? raised_at,
    last_evaluated_at: now,
    details: {
      evaluated_at: now,
      deadline: timestamp(breach.from),
      window_ms: breach.window_ms,
      policy_version: state.policy.version,
      cut,
      evidence: evidenceBehind({ rules: [rule] }, subject),
      ...circumstances(subject, rule),
    },
  }
}

/** The record of a clear: of the alert as it was raised, with what is known now. */
export const clearedAlert = (
  state: EvaluatorState,
  subject: Subject,
  slot: Slot,
  {
    before,
    cleared_ms,
    escalated,
  }: { readonly before: Alert; readonly cleared_ms: number; readonly escalated: boolean },
  { now_ms, cut }: When,
): Alert => {
  const { rule } = slot
  const { deadline, window_ms } = before.details
  const now = timestamp(now_ms)
  return {
    ...before,
    alert_event_id: alertEventId(before.alert_key, before.episode, "cleared"),
    status: "cleared",
    reason: escalated ? "escalated" : reasonOf(state, subject, slot, before),
    cleared_at: timestamp(cleared_ms),
    last_evaluated_at: now,
    details: {
      evaluated_at: now,
      deadline,
      window_ms,
      policy_version: state.policy.version,
      cut,
      evidence: evidenceBehind({ rules: [rule] }, subject),
      ...circumstances(subject, rule),
    },
  }
}

const reasonOf = (state: EvaluatorState, subject: Subject, slot: Slot, before: Alert): string => {
  const { rule, recovered_ms } = slot
  const { version, rules } = state.policy
  if (isRetired(state.policy, rule, subject.key)) return "no longer watched: the policy retired it"
  if (subject.row === null) return "no longer expected by the policy"
  // No event ended it: what was wrong under the old windows is not under the new ones.
  const judgedAnew = recovered_ms === Number.NEGATIVE_INFINITY && before.details.policy_version !== version
  return judgedAnew
    ? `nothing is wrong under version ${version} of the policy`
    : rule.recovered(subject.row, rules[rule.code])
}
