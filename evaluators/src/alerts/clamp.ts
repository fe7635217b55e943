import { timestampAtMost } from "./define-rule.ts"
import type { EvaluatorState, Source, Subject } from "./state.ts"

/** Most events of wrong clocks that are remembered, so that their duplicates change nothing. */
const clampsMax = 100_000

/** How far Kafka's clock may be ahead of the tick's before it is no longer believed. */
export const clockSkewMsMax = 5000

/**
 * The latest instant that an event can speak of: Kafka's time of the message, which no tick that reads it can be
 * before; for an event that was clamped already, what it was clamped to then.
 */
export const clampTo = (state: EvaluatorState, event_id: string, kafka_ms: number): number =>
  Math.min(kafka_ms, state.clamps.get(event_id) ?? Number.POSITIVE_INFINITY)

/** Remembers what an event was clamped to; the first clamp of an event stays. */
export const rememberClamp = (state: EvaluatorState, event_id: string, latest_ms: number): void => {
  if (state.clamps.has(event_id)) return
  state.clamps.set(event_id, latest_ms)
  const oldest = state.clamps.keys().next()
  if (state.clamps.size > clampsMax && oldest.done !== true) state.clamps.delete(oldest.value)
}

/** Takes everything that the subject's row says of later instants as said of this one. */
export const clampSubject = (
  state: EvaluatorState,
  source: Source,
  subject: Subject,
  latest_ms: number,
): void => {
  const reads = source.rules[0]?.reads
  if (reads === undefined || subject.row === null) return
  subject.row = reads.clampRow(subject.row, timestampAtMost(latest_ms))
  subject.kafka_ms = latest_ms
  subject.clamped_to_ms = latest_ms
  for (const slot of subject.slots) slot.recovered_ms = Math.min(slot.recovered_ms, latest_ms)
  for (const { event_id } of subject.evidence) rememberClamp(state, event_id, latest_ms)
}
