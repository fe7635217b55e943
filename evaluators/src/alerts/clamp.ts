import { timestamp } from "@landfall/domain/timestamp"
import type { Alert } from "@landfall/domain/topics/alert"
import { assess, firstDue } from "./assess.ts"
import { timestampAtMost } from "./define-rule.ts"
import type { Clamp, EvaluatorState, Source, Subject } from "./state.ts"

/** Most events of wrong clocks that are remembered, so that their duplicates change nothing. */
const clampsMax = 100_000

/** Most clamps of one subject that are remembered: beyond them, a replay may find that an alert has another reason. */
const clampsOfSubjectMax = 100

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

/** The same as a tick does it: the subject's rules are asked again. */
const clampAndAssess = (state: EvaluatorState, source: Source, subject: Subject, latest_ms: number): void => {
  clampSubject(state, source, subject, latest_ms)
  for (const slot of subject.slots) assess(state, subject, slot)
  source.queue.set(subject, firstDue(subject))
}

/** How far a partition of the source's topic was read. */
export const readOf = (state: EvaluatorState, source: Source, partition: number): number =>
  state.next.get(source.topic)?.get(partition) ?? 0

/** Clamps the subject to this tick, which is the first that saw its latest message. */
export const clampToTick = (
  state: EvaluatorState,
  source: Source,
  subject: Subject,
  now_ms: number,
  next_offset = readOf(state, source, subject.partition),
): void => {
  const { partition } = subject
  clampAndAssess(state, source, subject, now_ms)
  const clamps = [...subject.clamps, { to_ms: now_ms, partition, next_offset, applied: true, told: false }]
  const forgotten = clamps.length > clampsOfSubjectMax ? clamps.findIndex(({ applied }) => applied) : -1
  subject.clamps = forgotten < 0 ? clamps : clamps.toSpliced(forgotten, 1)
}

/** Makes the clamps of ticks up to that one that a record names, each before anything is folded that comes behind it. */
export const makeClamps = (
  state: EvaluatorState,
  source: Source,
  subject: Subject,
  partition: number,
  offset: number,
  now_ms = Number.POSITIVE_INFINITY,
): void => {
  for (const clamp of subject.clamps) {
    if (clamp.applied || clamp.partition !== partition) continue
    if (clamp.next_offset > offset || clamp.to_ms > now_ms) continue
    clamp.applied = true
    clampAndAssess(state, source, subject, clamp.to_ms)
  }
  if (subject.clamps.every(({ applied }) => applied)) source.held.delete(subject)
}

/**
 * Makes all that are reached at a tick, in the log and in time: a later tick may have found the log no longer than this one did.
 * Earlier ones of places that it has not reached are of a log that is no more.
 */
export const makeClampsUpTo = (state: EvaluatorState, source: Source, now_ms: number): void => {
  for (const subject of source.held) {
    for (const { partition } of subject.clamps)
      makeClamps(state, source, subject, partition, readOf(state, source, partition), now_ms)
    if (source.caught_up)
      subject.clamps = subject.clamps.filter(({ applied, to_ms }) => applied || to_ms >= now_ms)
    if (subject.clamps.every(({ applied }) => applied)) source.held.delete(subject)
  }
}

/** Whether a tick at that instant holds the subject to it. */
export const isAhead = (source: Source, subject: Subject, now_ms: number): boolean =>
  // A replay knows that a later tick was the first to see it.
  subject.kafka_ms > now_ms + clockSkewMsMax && !source.held.has(subject)

/** Clamps to this tick what Kafka dates after it by more than clocks differ. */
export const clampAhead = (
  state: EvaluatorState,
  source: Source,
  subjects: Iterable<Subject>,
  now_ms: number,
): void => {
  for (const subject of subjects)
    if (isAhead(source, subject, now_ms)) clampToTick(state, source, subject, now_ms)
}

/** The clamps that a transition names; null for one of before they were named each. */
export const clampsIn = ({
  details,
}: Alert): ReadonlyArray<Pick<Clamp, "to_ms" | "partition" | "next_offset">> | null => {
  const { clamps } = details
  if (!Array.isArray(clamps)) return null
  return clamps.flatMap((clamp: unknown) => {
    const { to, partition, next_offset } = (clamp ?? {}) as { readonly [name: string]: unknown }
    const to_ms = typeof to === "string" ? Date.parse(to) : Number.NaN
    return Number.isFinite(to_ms) && typeof partition === "number" && typeof next_offset === "number"
      ? [{ to_ms, partition, next_offset }]
      : []
  })
}

/**
 * The clamps behind a decision that no transition has named yet, as `details` tell them; null when there is nothing to
 * tell. An empty list says that earlier transitions named them: without one, `clamped_to` is all that was recorded.
 */
export const untoldClamps = ({ clamps, clamped_to_ms }: Subject) => {
  const untold = clamps.filter(({ applied, told }) => applied && !told)
  if (untold.length === 0 && !clamps.some(({ to_ms }) => to_ms === clamped_to_ms)) return null
  return untold.map(({ to_ms, partition, next_offset }) => ({ to: timestamp(to_ms), partition, next_offset }))
}

/**
 * Takes over the clamps that a transition names. Those of what has been folded already are answered: it was folded
 * without them.
 */
export const learnClamps = (
  state: EvaluatorState,
  source: Source,
  subject: Subject,
  named: NonNullable<ReturnType<typeof clampsIn>>,
  told: boolean,
): boolean => {
  let late = false
  for (const { to_ms, partition, next_offset } of named) {
    const known = subject.clamps.find(
      (clamp) => clamp.to_ms === to_ms && clamp.partition === partition && clamp.next_offset === next_offset,
    )
    if (known !== undefined) {
      known.told ||= told
      continue
    }
    const applied = readOf(state, source, partition) > next_offset
    late ||= applied
    subject.clamps = [...subject.clamps, { to_ms, partition, next_offset, applied, told }].sort(
      (left, right) => left.next_offset - right.next_offset || left.to_ms - right.to_ms,
    )
    if (!applied) source.held.add(subject)
  }
  return late
}
