import { partitionName } from "@landfall/adapters/history/checkpoint"
import type { PartitionStatus } from "@landfall/adapters/history/history-writer"

/** What was seen of one partition over time. */
export interface Watched {
  readonly status: PartitionStatus
  readonly seen_ms: number
  /** When nothing was left to write the last time; null when that was never seen. */
  readonly caught_up_ms: number | null
  /** Since when it has not moved although there is more; null while it moves or has nothing to do. */
  readonly stuck_since_ms: number | null
  /** Messages by which the lag shrank in a second, lately; negative while it grows, null before a second look. */
  readonly closing_per_s: number | null
}

/** What was seen of every partition, by its name. */
export type Progress = ReadonlyMap<string, Watched>

export const nothingSeen: Progress = new Map()

/** How long a look counts: about what an operator looks at when he says "lately". */
const memory_ms = 10_000

/** Takes in how the partitions stand now. Those that this instance no longer has are forgotten. */
export const observe = (
  before: Progress,
  partitions: ReadonlyArray<PartitionStatus>,
  now_ms: number,
): Progress =>
  new Map(
    partitions.map((status) => {
      const name = partitionName(status)
      return [name, look(before.get(name) ?? null, status, now_ms)]
    }),
  )

const look = (before: Watched | null, status: PartitionStatus, now_ms: number): Watched => {
  const { lag, next_offset } = status
  const stands = before !== null && before.status.next_offset === next_offset && lag !== null && lag > 0
  return {
    status,
    seen_ms: now_ms,
    caught_up_ms: lag === 0 ? now_ms : (before?.caught_up_ms ?? null),
    stuck_since_ms: stands ? (before.stuck_since_ms ?? before.seen_ms) : null,
    closing_per_s: closing(before, status, now_ms),
  }
}

/** A mean in which older looks fade, so that one slow batch does not make an estimate of hours. */
const closing = (before: Watched | null, { lag }: PartitionStatus, now_ms: number): number | null => {
  const earlier = before?.status.lag ?? null
  if (before === null || earlier === null || lag === null) return before?.closing_per_s ?? null
  const elapsed_ms = now_ms - before.seen_ms
  if (elapsed_ms <= 0) return before.closing_per_s
  const now_per_s = ((earlier - lag) * 1000) / elapsed_ms
  if (before.closing_per_s === null) return now_per_s
  const weight = 1 - Math.exp(-elapsed_ms / memory_ms)
  return before.closing_per_s + weight * (now_per_s - before.closing_per_s)
}

/** What can be the matter with a partition. */
export type Condition = "unknown" | "lagging" | "stalled" | "poisoned"

/** What is the matter with a partition, and for how long it will probably be. */
export interface PartitionCondition {
  readonly topic: string
  readonly partition: number
  /** `unknown`: Kafka has not said where it ends; `stalled`: nothing was written although there is more. */
  readonly condition: Condition
  /** Messages that Kafka has and the evidence has not; null when Kafka has not said. */
  readonly lag: number | null
  /** Until it has caught up at the rate of late; null when it is not catching up, or that is not known yet. */
  readonly estimate_seconds: number | null
  /** For how long nothing was written. */
  readonly stalled_seconds: number | null
  /** Dead letters that are neither retried nor dismissed. */
  readonly open_dead_letters: number
}

/** When a partition counts as lagging and as stalled. */
export interface ProgressLimits {
  readonly lagging_from: number
  readonly stalled_after_ms: number
}

/** What is the matter, by partition; empty when all is well. A partition may be lagging and poisoned, each told by itself. */
export const conditionsOf = (
  progress: Progress,
  openLetters: ReadonlyMap<string, number>,
  now_ms: number,
  { lagging_from, stalled_after_ms }: ProgressLimits,
): ReadonlyArray<PartitionCondition> =>
  [...progress.values()].flatMap(({ status, stuck_since_ms, closing_per_s }) => {
    const { topic, partition, lag } = status
    const open_dead_letters = openLetters.get(partitionName(status)) ?? 0
    const stuck_ms = stuck_since_ms === null ? 0 : now_ms - stuck_since_ms
    const stalled = stuck_ms >= stalled_after_ms
    const told = (condition: Condition): PartitionCondition => ({
      topic,
      partition,
      condition,
      lag,
      estimate_seconds:
        stalled || lag === null || closing_per_s === null || closing_per_s <= 0
          ? null
          : Math.ceil(lag / closing_per_s),
      stalled_seconds: stalled ? Math.floor(stuck_ms / 1000) : null,
      open_dead_letters,
    })
    return [
      ...(lag === null ? [told("unknown")] : []),
      ...(stalled ? [told("stalled")] : []),
      ...(!stalled && lag !== null && lag > lagging_from ? [told("lagging")] : []),
      ...(open_dead_letters > 0 ? [told("poisoned")] : []),
    ]
  })

/** A condition in words, as readiness gives its reasons. */
export const inWords = (one: PartitionCondition): string => {
  const name = partitionName(one)
  switch (one.condition) {
    case "unknown":
      return `${name} is an unknown number of messages behind`
    case "stalled":
      return `${name} is stalled: nothing was written for ${one.stalled_seconds} s, and ${one.lag} messages wait`
    case "lagging":
      return `${name} is ${one.lag} messages behind${one.estimate_seconds === null ? "" : `, about ${one.estimate_seconds} s`}`
    case "poisoned":
      return `${name} has ${one.open_dead_letters} open dead letters: some keys are degraded`
  }
}

/**
 * Seconds since each of the topics was last known to be written to its end: 0 while it is, null when that was never seen
 * or when another instance has some of its partitions.
 */
export const behindSeconds = (
  progress: Progress,
  topics: ReadonlyArray<string>,
  now_ms: number,
): { readonly [topic: string]: number | null } =>
  Object.fromEntries(
    topics.map((topic) => {
      const own = [...progress.values()].filter(({ status }) => status.topic === topic)
      const ages = own.map(({ status, caught_up_ms }) => {
        if (status.lag === 0) return 0
        return caught_up_ms === null ? null : (now_ms - caught_up_ms) / 1000
      })
      const known = ages.filter((age) => age !== null)
      return [topic, own.length === 0 || known.length < ages.length ? null : Math.max(...known)]
    }),
  )
