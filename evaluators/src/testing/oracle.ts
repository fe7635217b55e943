import { epochMs } from "@landfall/domain/timestamp"
import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import type { MarketPrice } from "@landfall/domain/topics/market-price"
import type { TradeResult } from "@landfall/domain/topics/trade-result"
import type { ReadEvent } from "../alerts/evaluator.ts"

const window_ms = 10_000
const stuck_ms = 40_000
const clearAfter_ms = 20_000

/** All messages of a topic, each partition in order. */
interface Log {
  readonly messages: (topic: string) => ReadonlyArray<ReadEvent>
}

/** The records of a topic that were written by then, by key; their instants are held to when they were written. */
const written = <Record>(log: Log, topic: string, by_ms: number, key: (record: Record) => string) =>
  Map.groupBy(
    log
      .messages(topic)
      .filter(({ kafka_ms }) => kafka_ms <= by_ms)
      .map(({ record, kafka_ms }) => ({ record: record as Record, kafka_ms })),
    ({ record }) => key(record),
  )

const clamped = (at: string, kafka_ms: number): number => Math.min(epochMs(at), kafka_ms)

const newest = (times_ms: ReadonlyArray<number>): number => Math.max(Number.NEGATIVE_INFINITY, ...times_ms)

/** Subjects whose newest record is too old; the declared one counts from when it was declared while it has none. */
const stale = <Record extends { readonly observed_at: string }>(
  records: ReadonlyMap<string, ReadonlyArray<{ readonly record: Record; readonly kafka_ms: number }>>,
  id: (record: Record) => string,
  declared: string,
  declared_ms: number,
  now_ms: number,
): ReadonlyArray<string> => {
  const ages = new Map([[declared, declared_ms]])
  for (const [subject, all] of records) {
    // Of an event that was written twice, the first writing counts.
    const first = all.filter(
      (one, place) => all.findIndex(({ record }) => id(record) === id(one.record)) === place,
    )
    ages.set(subject, newest(first.map(({ record, kafka_ms }) => clamped(record.observed_at, kafka_ms))))
  }
  return [...ages].filter(([, at_ms]) => at_ms + window_ms <= now_ms).map(([subject]) => subject)
}

/** The one funding alert that a transfer's observations call for, or null. */
const fundingCode = (
  all: ReadonlyArray<{ readonly record: FundingObservation; readonly kafka_ms: number }>,
  now_ms: number,
): string | null => {
  const news: (typeof all)[number][] = []
  for (const one of all) if (one.record.revision > (news.at(-1)?.record.revision ?? 0)) news.push(one)
  const [first, last] = [news[0], news.at(-1)]
  if (first === undefined || last === undefined) return null
  const at = ({ record, kafka_ms }: typeof first) => clamped(record.last_seen_at, kafka_ms)
  const since = (holds: (record: FundingObservation) => boolean): number | null => {
    const before = news.findLastIndex(({ record }) => !holds(record))
    const start = news[before + 1]
    return start === undefined ? null : at(start)
  }
  const { status } = last.record
  const from: (number | null)[] = []
  if (["replaced", "conflicted", "dropped", "reorged"].includes(status))
    from.push(since((record) => record.status === status))
  if (status !== "credited") from.push(since((record) => record.bridge_status === "FAILED"))
  if (["seen", "confirming", "confirmed"].includes(status))
    from.push(clamped(first.record.first_seen_at, first.kafka_ms) + stuck_ms)
  if (from.some((at_ms) => at_ms !== null && at_ms <= now_ms)) return "funding_stuck"
  const statusSince = since((record) => record.status === status) ?? now_ms
  if (statusSince + window_ms > now_ms) return null
  if (status === "seen") return "funding_seen_unconfirmed"
  return status === "confirmed" ? "funding_confirmed_credit_pending" : null
}

const failing = (
  all: ReadonlyArray<{ readonly record: TradeResult; readonly kafka_ms: number }>,
  now_ms: number,
): boolean => {
  const times = (...statuses: ReadonlyArray<string>) =>
    all
      .filter(({ record }) => statuses.includes(record.status))
      .map(({ record, kafka_ms }) => clamped(record.occurred_at, kafka_ms))
  // A success counts as soon as it is read, a failure from its own instant on.
  const failure_ms = newest(times("failed", "rejected").filter((at_ms) => at_ms <= now_ms))
  return failure_ms >= newest(times("accepted", "settled")) && now_ms < failure_ms + clearAfter_ms
}

/**
 * What is raised at that instant, told from the bare events by brute force: `code subject`, sorted. Its windows are those of
 * the made-up stories. What was written after `read_ms` is left out.
 */
export const raisedAt = (
  log: Log,
  declared_ms: number,
  now_ms: number,
  read_ms: number = now_ms,
): ReadonlyArray<string> => {
  const prices = written<MarketPrice>(log, "ref.market_price", read_ms, ({ pair }) => pair)
  const inventories = written<{ account_id: string; observed_at: string; inventory_snapshot_id: string }>(
    log,
    "state.intent_inventory",
    read_ms,
    ({ account_id }) => account_id,
  )
  const transfers = written<FundingObservation>(
    log,
    "ops.funding_observation",
    read_ms,
    (one) => one.transfer_id,
  )
  const trades = written<TradeResult>(log, "exec.trade_result", read_ms, ({ pair }) => pair)
  return [
    ...stale(prices, (price) => price.price_event_id, "BTC/EURe", declared_ms, now_ms).map(
      (pair) => `reference_price_stale ${pair}`,
    ),
    ...stale(inventories, (one) => one.inventory_snapshot_id, "desk.near", declared_ms, now_ms).map(
      (account) => `inventory_snapshot_stale ${account}`,
    ),
    ...[...transfers].flatMap(([transfer, all]) => {
      const code = fundingCode(all, now_ms)
      return code === null ? [] : [`${code} ${transfer}`]
    }),
    ...[...trades].flatMap(([pair, all]) =>
      failing(all, now_ms) ? [`executor_submission_failed ${pair}`] : [],
    ),
  ].sort()
}
