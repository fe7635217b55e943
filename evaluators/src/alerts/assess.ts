import type { Breach } from "./define-rule.ts"
import { type EvaluatorState, isRetired, type Slot, type Subject } from "./state.ts"

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Whether the breach holds at that instant: from its first millisecond on, and not in its last. */
export const holds = (breach: Breach | null, at_ms: number): boolean =>
  breach !== null && breach.from <= at_ms && at_ms < (breach.until ?? Number.POSITIVE_INFINITY)

/** Asks the rule about the subject as it stands now. A rule that throws leaves the breach as it was, with an error. */
export const assess = (state: EvaluatorState, subject: Subject, slot: Slot): void => {
  const { rule } = slot
  try {
    slot.breach = breachOf(state, subject, slot)
    slot.error = null
  } catch (error) {
    slot.error = `${rule.code} could not be evaluated for ${subject.key}: ${messageOf(error)}`
  }
}

const breachOf = (state: EvaluatorState, subject: Subject, { rule }: Slot): Breach | null => {
  const params = state.policy.rules[rule.code]
  if (isRetired(state.policy, rule, subject.key)) return null
  if (subject.row !== null) return rule.breach(subject.row, params)
  return subject.declared_ms === null ? null : (rule.expects?.absent(subject.declared_ms, params) ?? null)
}

/**
 * Notes when a breach ended by an event. It goes by Kafka's times alone and not by ticks or alerts, so that it comes
 * out the same however often the evaluator was started anew.
 */
export const noteRecovery = (slot: Slot, before: Breach | null, kafka_ms: number): void => {
  const until = before?.until
  if (until !== undefined && until <= kafka_ms) slot.recovered_ms = Math.max(slot.recovered_ms, until)
  if (holds(before, kafka_ms) && !holds(slot.breach, kafka_ms)) slot.recovered_ms = kafka_ms
}

/** The first instant at which a tick must look at the subject, after its row or policy changed. */
export const firstDue = (subject: Subject): number => {
  let due_ms = Number.POSITIVE_INFINITY
  for (const slot of subject.slots) {
    if (slot.alert?.status === "raised") return Number.NEGATIVE_INFINITY
    due_ms = Math.min(due_ms, slot.breach?.from ?? Number.POSITIVE_INFINITY)
  }
  return due_ms
}
