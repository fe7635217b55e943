import { epochMs } from "@landfall/domain/timestamp"
import type { Alert } from "@landfall/domain/topics/alert"
import { clampToTick, clockSkewMsMax, isAhead, makeClamps, readOf } from "./clamp.ts"
import type { DecidedTick, DecidedTicks, EvaluatorState, Source, Subject } from "./state.ts"

/** Takes note of a tick that recorded a decision, so that it is made again where it was made. */
export const learnTick = (state: EvaluatorState, source: Source, alert: Alert): void => {
  const { cut, evaluated_at } = alert.details
  const to_ms = epochMs(evaluated_at)
  for (const [name, next_offset] of Object.entries(cut[source.topic] ?? {})) {
    const partition = Number(name)
    if (readOf(state, source, partition) > next_offset) continue
    const decided = source.decided.get(partition) ?? { ticks: [], isSorted: true, at: 0, ahead: new Set() }
    source.decided.set(partition, decided)
    decided.ticks.push({ to_ms, next_offset })
    decided.isSorted = false
  }
}

/** The first recorded tick of a partition that was not come to. They are put in order when the first is asked for. */
const nextOf = (decided: DecidedTicks): DecidedTick | undefined => {
  if (!decided.isSorted) {
    decided.ticks = decided.ticks.slice(decided.at).sort(byPlace)
    decided.at = 0
    decided.isSorted = true
  }
  return decided.ticks[decided.at]
}

const byPlace = (left: DecidedTick, right: DecidedTick): number =>
  left.next_offset - right.next_offset || left.to_ms - right.to_ms

/** Does what recorded ticks did that had read a partition no further than to this offset, by that instant. */
export const passTicks = (
  state: EvaluatorState,
  source: Source,
  partition: number,
  offset: number,
  now_ms = Number.POSITIVE_INFINITY,
): void => {
  const decided = source.decided.get(partition)
  if (decided === undefined) return
  for (let next = nextOf(decided); next !== undefined; next = nextOf(decided)) {
    if (next.next_offset > offset || next.to_ms > now_ms) return
    decided.at++
    for (const subject of decided.ahead) {
      makeClamps(state, source, subject, partition, next.next_offset, next.to_ms)
      if (isAhead(source, subject, next.to_ms))
        clampToTick(state, source, subject, next.to_ms, next.next_offset)
    }
    decided.ahead.clear()
  }
  source.decided.delete(partition)
}

/** The same of all partitions at a tick. What it has not come to by then is of a log that is no more. */
export const passTicksUpTo = (state: EvaluatorState, source: Source, now_ms: number): void => {
  for (const [partition, decided] of source.decided) {
    passTicks(state, source, partition, readOf(state, source, partition), now_ms)
    const next = nextOf(decided)
    if (!source.caught_up || next === undefined || next.to_ms >= now_ms) continue
    decided.ticks = decided.ticks.slice(decided.at).filter(({ to_ms }) => to_ms >= now_ms)
    decided.at = 0
    if (decided.ticks.length === 0) source.decided.delete(partition)
  }
}

/** Notes a subject that the next recorded tick of its partition will hold, unless it is held before. */
export const noteAhead = (source: Source, subject: Subject): void => {
  const decided = source.decided.get(subject.partition)
  if (decided === undefined) return
  const next = nextOf(decided)
  if (next !== undefined && subject.kafka_ms > next.to_ms + clockSkewMsMax) decided.ahead.add(subject)
}
