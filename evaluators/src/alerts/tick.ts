import type { Cut } from "@landfall/domain/position"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { assess } from "./assess.ts"
import { clampAhead, clockSkewMsMax, makeClampsUpTo } from "./clamp.ts"
import { type Decision, decideSubject, type Moment } from "./decide.ts"
import { passTicksUpTo } from "./decided-ticks.ts"
import { timestampAtMost } from "./define-rule.ts"
import { cutOf, type EvaluatorState, isRead, type Source, type Subject } from "./state.ts"

/** What a tick is given: the only clock there is, and how far there is to read. */
export interface TickInput {
  /** Epoch milliseconds. */
  readonly now_ms: number
  /** The end offset of every partition of every topic, `ops.alert` too, as fetched at this tick. */
  readonly ends: Cut
  readonly paused: boolean
}

/** What a tick decided. */
export interface Ticked {
  /** The same state, changed in place. */
  readonly state: EvaluatorState
  /** The transitions to publish, in one transaction, in this order. They count once they are folded. */
  readonly alerts: ReadonlyArray<Alert>
  /** How many subjects were looked at: the cost of the tick. */
  readonly looked_at: number
}

/**
 * Evaluates what is due. A transition that is not read back before the next tick (its transaction was aborted, or
 * the process died) is decided again; until the evaluator has read its own topic to its end, nothing is decided.
 */
export const tick = (state: EvaluatorState, { now_ms, ends, paused }: TickInput): Ticked => {
  const ownRead = isRead(state, alertTopic.name, ends)
  const alerts: Alert[] = []
  let looked_at = 0
  state.tick_ms = now_ms
  for (const source of state.sources) {
    source.caught_up = ownRead && isRead(state, source.topic, ends)
    passTicksUpTo(state, source, now_ms)
    makeClampsUpTo(state, source, now_ms)
    clampFuture(state, source, now_ms)
    if (!source.caught_up || paused) continue
    source.evaluated_ms = now_ms
    const cut = cutOf(state, source.topic, ends)
    const due = takeDue(source, now_ms)
    looked_at += due.length
    for (const subject of due) {
      const decision = decideAsOf(state, source, subject, { now_ms, cut })
      alerts.push(...decision.alerts)
      source.queue.set(subject, decision.due_ms)
    }
  }
  return { state, alerts: alerts.sort(inOrder), looked_at }
}

/**
 * Decides about a subject as it was at the tick: what was dated after that, and read all the same, counts from the next tick
 * on.
 */
const decideAsOf = (state: EvaluatorState, source: Source, subject: Subject, moment: Moment): Decision => {
  const { row } = subject
  const past = source.rules[0]?.reads.past
  if (row === null || past === undefined || subject.kafka_ms <= moment.now_ms)
    return decideSubject(state, subject, moment)
  const stand = (at: unknown): void => {
    subject.row = at
    for (const slot of subject.slots) assess(state, subject, slot)
  }
  stand(past.asOf(row, timestampAtMost(moment.now_ms)))
  const { alerts } = decideSubject(state, subject, moment)
  stand(row)
  return { alerts, due_ms: Number.NEGATIVE_INFINITY }
}

/** All are taken out before any is put back: one that stays due is looked at once a tick. */
const takeDue = (source: Source, now_ms: number) => {
  const due = []
  for (let subject = source.queue.takeDue(now_ms); subject; subject = source.queue.takeDue(now_ms))
    due.push(subject)
  return due
}

/** One order, whatever the order in which events came; what ends comes before what begins. */
const inOrder = (left: Alert, right: Alert): number => {
  if (left.status !== right.status) return left.status === "cleared" ? -1 : 1
  return left.alert_key < right.alert_key ? -1 : left.alert_key > right.alert_key ? 1 : 0
}

/**
 * Messages that Kafka itself dates after this tick, by more than clocks differ, speak of this tick at most. By less, they are
 * believed, and what they hide is due now.
 */
const clampFuture = (state: EvaluatorState, source: Source, now_ms: number): void => {
  if (source.touched_kafka_ms > now_ms + clockSkewMsMax) clampAhead(state, source, source.touched, now_ms)
  if (source.touched_kafka_ms > now_ms && source.rules[0]?.reads.past !== undefined)
    for (const subject of source.touched)
      if (subject.kafka_ms > now_ms) source.queue.set(subject, Number.NEGATIVE_INFINITY)
  if (source.touched.size > 0) source.touched = new Set()
  source.touched_kafka_ms = Number.NEGATIVE_INFINITY
}
