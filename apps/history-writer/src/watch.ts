import type { PartitionStatus } from "@landfall/adapters/history/history-writer"
import { conditionsOf, nothingSeen, observe, type PartitionCondition, type Progress } from "./progress.ts"

/** Watches how writing goes on, so that what is so lately can be told from what is so for long. */
export interface Watch {
  readonly progress: () => Progress
  readonly conditions: () => ReadonlyArray<PartitionCondition>
  readonly stop: () => void
}

export interface WatchOptions {
  readonly partitions: () => ReadonlyArray<PartitionStatus>
  /** Open dead letters by partition. While they cannot be had, those known last count. */
  readonly openLetters: () => Promise<ReadonlyMap<string, number>>
  readonly now: () => number
}

/** A look at the partitions costs nothing. */
const lookMs = 1_000
/** One small question to PostgreSQL in so many looks. */
const looksPerQuestion = 5

/** More than this and a partition counts as lagging: about a second of work. */
export const laggingFrom = 10_000
/** A batch that takes longer than this is given up. */
const stalledAfterMs = 30_000

/** Starts to watch; it ends with `stop`, and keeps no process alive. */
export const startWatch = ({ partitions, openLetters, now }: WatchOptions): Watch => {
  let progress = nothingSeen
  let letters: ReadonlyMap<string, number> = new Map()
  let looks = 0
  let asking = false
  const look = (): Progress => {
    progress = observe(progress, partitions(), now())
    return progress
  }
  const ask = async (): Promise<void> => {
    if (asking) return
    asking = true
    letters = await openLetters().catch(() => letters)
    asking = false
  }
  const timer = setInterval(() => {
    look()
    if (looks++ % looksPerQuestion === 0) void ask()
  }, lookMs)
  timer.unref()
  return {
    progress: look,
    conditions: () =>
      conditionsOf(look(), letters, now(), { lagging_from: laggingFrom, stalled_after_ms: stalledAfterMs }),
    stop: () => clearInterval(timer),
  }
}
