import type { EventReader } from "@landfall/adapters/alerts/event-reader"
import type { Cut } from "@landfall/domain/position"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { advance, fold } from "@landfall/evaluators/alerts/evaluator"
import type { EvaluatorState } from "@landfall/evaluators/alerts/state"

/** The partitions that were not read up to these ends, with how much is missing. */
export const unread = (
  state: EvaluatorState,
  ends: Cut,
): ReadonlyArray<{ readonly topic: string; readonly partition: string; readonly lag: number }> =>
  Object.entries(ends).flatMap(([topic, partitions]) =>
    Object.entries(partitions).flatMap(([partition, end]) => {
      const lag = end - (state.next.get(topic)?.get(Number(partition)) ?? 0)
      return lag > 0 ? [{ topic, partition, lag }] : []
    }),
  )

export interface ReadOptions {
  readonly state: EvaluatorState
  readonly reader: Pick<EventReader, "next" | "reached">
  readonly ends: Cut
  /** When to give up, on `performance.now()`'s clock. */
  readonly deadline_ms: number
  readonly signal: AbortSignal
  /** Told of each transition that is news, when it is read back from its topic. */
  readonly onAlert: (alert: Alert) => void
}

/** Folds what there is up to these ends; false when time ran out before it was all read. */
export const readUpTo = async (options: ReadOptions): Promise<boolean> => {
  const { state, reader, ends, deadline_ms, signal } = options
  while (unread(state, ends).length > 0) {
    if (signal.aborted || performance.now() > deadline_ms) return false
    for (const { topic, partition, next_offset, event } of await reader.next()) {
      if (event === null) advance(state, topic, partition, next_offset)
      else if (topic === alertTopic.name) foldAlert(options, event)
      else fold(state, event)
    }
    // The last offsets before an end may be transaction markers, which are never delivered.
    for (const { topic, partition } of unread(state, ends)) {
      const reached = reader.reached(topic, Number(partition))
      if (reached !== null) advance(state, topic, Number(partition), reached)
    }
  }
  return true
}

/** How long a tick waits for what is already in Kafka; after that what is missing is called lagging. */
export const read_ms_max = 1_000

/**
 * Reads everything there is now. The own topic is read to its end, however long it takes: whoever published to it before,
 * it is known from then on. Another topic that cannot be, because an open transaction holds it back, is left lagging.
 */
export const readEverything = async ({
  onProgress,
  ...options
}: Omit<ReadOptions, "ends" | "deadline_ms" | "reader"> & {
  readonly reader: EventReader
  /** Told now and then how many offsets are left. */
  readonly onProgress: (left: number) => void
}): Promise<void> => {
  const { reader, state, signal } = options
  const ends = await reader.ends()
  const unknown = Object.keys(reader.start).filter((topic) => !Object.hasOwn(ends, topic))
  if (unknown.length > 0) throw new Error(`the end of ${unknown.join(", ")} is not known`)
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    const all = await readUpTo({ ...options, ends, deadline_ms: performance.now() + read_ms_max })
    const missing = unread(state, ends)
    const left = missing.reduce((sum, { lag }) => sum + lag, 0)
    const own = missing.some(({ topic }) => topic === alertTopic.name)
    if (all || signal.aborted || (left === before && !own)) return
    onProgress(left)
    before = left
  }
}

/** Reads the own topic to its end, however long it takes, and shows each transition in it. */
export const readRecorded = async (
  reader: EventReader,
  signal: AbortSignal,
  onAlert: (alert: Alert) => void,
): Promise<void> => {
  const ends = await reader.ends()
  const left = new Map(
    Object.entries(ends[alertTopic.name] ?? {}).map(([partition, end]) => [Number(partition), end]),
  )
  if (left.size === 0) throw new Error(`the end of ${alertTopic.name} is not known`)
  const next = new Map(
    Object.entries(reader.start[alertTopic.name] ?? {}).map(([partition, offset]) => [
      Number(partition),
      offset,
    ]),
  )
  const isRead = ([partition, end]: readonly [number, number]): boolean =>
    Math.max(next.get(partition) ?? 0, reader.reached(alertTopic.name, partition) ?? 0) >= end
  while (!signal.aborted && ![...left].every(isRead))
    for (const { partition, next_offset, event } of await reader.next()) {
      next.set(partition, next_offset)
      if (event !== null) onAlert(event.record as Alert)
    }
}

const foldAlert = ({ state, onAlert }: ReadOptions, event: Parameters<typeof fold>[1]): void => {
  const alert = event.record as Alert
  const before = state.alerts.get(alert.alert_key)
  fold(state, event)
  if (state.alerts.get(alert.alert_key) !== before) onAlert(alert)
}
