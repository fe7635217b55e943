import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { alert as alertProjection } from "@landfall/projections/alert"
import { assess, firstDue, noteRecovery } from "./assess.ts"
import { clampSubject, clampsIn, clampTo, learnClamps, makeClamps, rememberClamp } from "./clamp.ts"
import { learnTick, noteAhead, passTicks } from "./decided-ticks.ts"
import { type AnyRule, timestampAtMost } from "./define-rule.ts"
import { alertRules } from "./rules/registry.ts"
import {
  type EvaluatorOptions,
  type EvaluatorState,
  evidenceBehind,
  keyOf,
  newSubject,
  type Source,
  type Subject,
  sourcesOf,
} from "./state.ts"

/** A message as it was read: a decoded record of a known topic, with its place and Kafka's time. */
export interface ReadEvent {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Kafka's time of the message in epoch milliseconds; negative when it has none. */
  readonly kafka_ms: number
  readonly record: unknown
}

/** An evaluator that has read nothing. Throws a RangeError when there is no policy to evaluate with. */
export const createEvaluator = ({ policies, rules = alertRules }: EvaluatorOptions): EvaluatorState => {
  const policy = policies.at(-1)?.policy
  if (policy === undefined) throw new RangeError("there is no alert policy: record one first")
  const state: EvaluatorState = {
    policies,
    policy,
    sources: sourcesOf(rules),
    next: new Map(),
    alerts: new Map(),
    clamps: new Map(),
    tick_ms: null,
  }
  for (const source of state.sources) {
    const kind = source.rules.find((rule) => rule.expects !== undefined)?.expects?.kind
    for (const key of kind === undefined ? [] : policy.expected[kind])
      reassess(state, source, newSubject(state, source, key))
  }
  return state
}

/**
 * Notes that everything of a partition before `next_offset` was read, also what is no event: transaction markers and
 * messages that do not decode. Returns the same state, changed in place.
 */
export const advance = (
  state: EvaluatorState,
  topic: string,
  partition: number,
  next_offset: number,
): EvaluatorState => {
  const partitions = state.next.get(topic) ?? new Map<number, number>()
  state.next.set(topic, partitions)
  partitions.set(partition, Math.max(partitions.get(partition) ?? 0, next_offset))
  return state
}

/**
 * Folds one event, of any topic, in place, and returns the state. Messages of one partition come in order; the order
 * between partitions makes no difference. A message that was read before changes nothing.
 */
export const fold = (state: EvaluatorState, event: ReadEvent): EvaluatorState => {
  if (event.offset < (state.next.get(event.topic)?.get(event.partition) ?? 0)) return state
  advance(state, event.topic, event.partition, event.offset + 1)
  if (event.topic === alertTopic.name) foldOwn(state, event.record as Alert)
  for (const source of state.sources) if (source.topic === event.topic) foldInto(state, source, event)
  return state
}

/** A transition that was published, by this process or one before it: from now on the key stands there. */
const foldOwn = (state: EvaluatorState, transition: Alert): void => {
  const before = state.alerts.get(transition.alert_key) ?? null
  const after = alertProjection.evolve(before, transition)
  if (after === null || after === before) return
  state.alerts.set(transition.alert_key, after)
  const of = subjectOf(state, transition)
  if (of === null) return
  const { source, rule, subject } = of
  for (const slot of subject.slots) if (slot.rule === rule) slot.alert = after
  const clamps = clampsIn(transition)
  const { clamped_to } = transition.details
  const isSettled = clamps !== null && !learnClamps(state, source, subject, clamps, true)
  if (typeof clamped_to === "string" && !isSettled)
    restoreClamp(state, source, subject, transition, Date.parse(clamped_to))
  // Looked at by the next tick, which learns when this key can change again.
  source.queue.set(subject, Number.NEGATIVE_INFINITY)
}

/** What a transition is about; null when it is of a rule whose scope was another then: it is kept, and not decided about. */
const subjectOf = (state: EvaluatorState, { alert_code, alert_key, details: { subject: key } }: Alert) => {
  const source = state.sources.find(({ rules }) => rules.some(({ code }) => code === alert_code))
  const rule = source?.rules.find(({ code }) => code === alert_code)
  if (source === undefined || rule === undefined || typeof key !== "string") return null
  if (keyOf(rule, key) !== alert_key) return null
  return { source, rule, subject: source.subjects.get(key) ?? newSubject(state, source, key) }
}

/**
 * Tells an evaluator that has read nothing of the clamps that recorded decisions rest on, and of the ticks that made these
 * decisions, so that it folds what they were about as it was folded then: a tick held all that it met, not only what it
 * decided about.
 */
export const foretellClamps = (state: EvaluatorState, recorded: Iterable<Alert>): void => {
  for (const transition of recorded) {
    const { clamped_to, evidence } = transition.details
    for (const source of state.sources) learnTick(state, source, transition)
    const clamps = clampsIn(transition)
    if (clamps !== null) {
      const of = subjectOf(state, transition)
      if (of !== null) learnClamps(state, of.source, of.subject, clamps, false)
    } else if (typeof clamped_to === "string")
      for (const { event_id } of evidence) rememberClamp(state, event_id, Date.parse(clamped_to))
  }
}

/** The clamp that a published decision rests on holds after a restart too. */
const restoreClamp = (
  state: EvaluatorState,
  source: Source,
  subject: Subject,
  transition: Alert,
  clamped_ms: number,
): void => {
  for (const { event_id } of transition.details.evidence) rememberClamp(state, event_id, clamped_ms)
  const same = evidenceBehind(source, subject).some(({ event_id }) =>
    transition.details.evidence.some((reference) => reference.event_id === event_id),
  )
  if (same && subject.kafka_ms > clamped_ms) {
    clampSubject(state, source, subject, clamped_ms)
    reassess(state, source, subject)
  }
}

const foldInto = (state: EvaluatorState, source: Source, event: ReadEvent): void => {
  const reads = source.rules[0]?.reads
  if (reads === undefined) return
  const { topic } = reads.projection
  const original = event.record as { readonly [field: string]: string }
  const event_id = original[topic.id] ?? ""
  const key = reads.projection.key(original)
  const known = source.subjects.get(key)
  if (source.decided.size > 0) passTicks(state, source, event.partition, event.offset)
  if (known !== undefined && source.held.has(known))
    makeClamps(state, source, known, event.partition, event.offset)
  const stamped_ms = event.kafka_ms < 0 ? Date.parse(topic.occurredAt(original)) : event.kafka_ms
  const latest_ms = clampTo(state, event_id, stamped_ms)
  const record = reads.clampEvent(original, timestampAtMost(latest_ms))
  if (record !== original) rememberClamp(state, event_id, latest_ms)
  // An event that the row rests on is a duplicate, also when its writer gave it another content the second time.
  if (known !== undefined && placeOf(known.evidence, event_id) !== undefined) return
  const row = reads.projection.evolve(known?.row ?? null, record)
  if (row === null || row === known?.row) return
  const subject = known ?? newSubject(state, source, key)
  subject.row = row
  subject.evidence = evidenceOf(subject.evidence, reads, row, event, event_id)
  subject.partition = event.partition
  subject.kafka_ms = Math.max(subject.kafka_ms, latest_ms)
  subject.clamped_to_ms = latest_ms < stamped_ms ? latest_ms : null
  source.touched.add(subject)
  if (source.decided.size > 0) noteAhead(source, subject)
  source.touched_kafka_ms = Math.max(source.touched_kafka_ms, subject.kafka_ms)
  reassess(state, source, subject)
}

type Place = Subject["evidence"][number]

const placeOf = (evidence: Subject["evidence"], event_id: string): Place | undefined => {
  for (const place of evidence) if (place.event_id === event_id) return place
  return undefined
}

/** Where the events are that the row rests on; the one that was just read is the only new one there can be. */
const evidenceOf = (
  before: Subject["evidence"],
  { events, past }: AnyRule["reads"],
  row: unknown,
  { topic, partition, offset }: ReadEvent,
  event_id: string,
): Subject["evidence"] => {
  const after: Place[] = []
  const add = (id: string): void => {
    const place = id === event_id ? { topic, partition, offset, event_id } : placeOf(before, id)
    if (place !== undefined) after.push(place)
  }
  for (const id of events(row)) add(id)
  if (past !== undefined) for (const id of past.events(row)) add(id)
  return after
}

/** Asks the subject's rules again, and queues it for the first tick at which one of them may have something to say. */
const reassess = (state: EvaluatorState, source: Source, subject: Subject): void => {
  for (const slot of subject.slots) {
    const before = slot.breach
    assess(state, subject, slot)
    noteRecovery(slot, before, subject.kafka_ms)
  }
  source.queue.set(subject, firstDue(subject))
}
