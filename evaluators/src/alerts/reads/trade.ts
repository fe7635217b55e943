import { epochMs, type Timestamp } from "@landfall/domain/timestamp"
import type { TradeResult } from "@landfall/domain/topics/trade-result"
import { type PairTradeResult, tradeResult } from "@landfall/projections/trade-result"
import { clockSkewMsMax } from "../clamp.ts"
import { clampInstants, defineReads } from "../define-rule.ts"

/** What a row says of a failure. */
interface Failure
  extends Pick<
    PairTradeResult,
    | "last_failure_id"
    | "last_failure_command_id"
    | "last_failure_at"
    | "last_failure_error_code"
    | "last_failure_error_message"
  > {
  readonly last_failure_at: Timestamp
}

/** How trading on a pair went, and the failures that its latest one hides from a tick of before it, newest first. */
export interface WatchedTrades extends PairTradeResult {
  readonly hidden: ReadonlyArray<Failure>
}

const noFailure = {
  last_failure_id: null,
  last_failure_command_id: null,
  last_failure_at: null,
  last_failure_error_code: null,
  last_failure_error_message: null,
} as const

/** Of failures this close together only the first is kept, so that a storm of them costs no memory. */
const step_ms = 250

const failureIn = (row: PairTradeResult): Failure | null => {
  const { last_failure_id, last_failure_command_id, last_failure_at } = row
  const { last_failure_error_code, last_failure_error_message } = row
  if (last_failure_at === null) return null
  return {
    last_failure_id,
    last_failure_command_id,
    last_failure_at,
    last_failure_error_code,
    last_failure_error_message,
  }
}

const newestFirst = (left: Failure, right: Failure): number =>
  left.last_failure_at < right.last_failure_at ? 1 : left.last_failure_at > right.last_failure_at ? -1 : 0

const stepOf = ({ last_failure_at }: Failure): number => Math.floor(epochMs(last_failure_at) / step_ms)

/** No tick is further behind the newest than clocks differ: of those of before that, the last is enough. */
const stillHidden = (failures: ReadonlyArray<Failure>, newest: Timestamp): ReadonlyArray<Failure> => {
  const sorted = failures.toSorted(newestFirst)
  const firsts = sorted.filter((one, place) => {
    const before = sorted[place + 1]
    return before === undefined || stepOf(before) !== stepOf(one)
  })
  const settled_ms = epochMs(newest) - clockSkewMsMax
  const last = firsts.findIndex(({ last_failure_at }) => epochMs(last_failure_at) <= settled_ms)
  return last < 0 ? firsts : firsts.slice(0, last + 1)
}

const evolve = (row: WatchedTrades | null, result: TradeResult): WatchedTrades | null => {
  const after = tradeResult.evolve(row, result)
  if (after === null || after === row) return row
  const before = row === null ? null : failureIn(row)
  const hidden = row?.hidden ?? []
  const isHidden = before !== null && after.last_failure_id !== before.last_failure_id
  if (!isHidden || after.last_failure_at === null) return { ...after, hidden }
  return { ...after, hidden: stillHidden([before, ...hidden], after.last_failure_at) }
}

/** The latest success and failure of each pair; a bare submission is neither, so no alert rests on it. */
export const latestTrades = defineReads<WatchedTrades, TradeResult>({
  projection: { name: tradeResult.name, topic: tradeResult.topic, key: tradeResult.key, evolve },
  clampEvent: (result, latest) => clampInstants(result, ["occurred_at"], latest),
  clampRow: (row, latest) => {
    const clamped = clampInstants(row, ["last_at", "last_success_at", "last_failure_at"], latest)
    if (row.hidden.every(({ last_failure_at }) => last_failure_at <= latest)) return clamped
    return { ...clamped, hidden: row.hidden.map((one) => clampInstants(one, ["last_failure_at"], latest)) }
  },
  events: (row) => [row.last_failure_id, row.last_success_id].filter((id) => id !== null),
  past: {
    asOf: (row, latest) =>
      row.last_failure_at === null || row.last_failure_at <= latest
        ? row
        : { ...row, ...(row.hidden.find((one) => one.last_failure_at <= latest) ?? noFailure) },
    events: (row) => row.hidden.map(({ last_failure_id }) => last_failure_id).filter((id) => id !== null),
  },
})
