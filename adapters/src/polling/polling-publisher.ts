import { setTimeout as sleep } from "node:timers/promises"
import { recordEncoder } from "@landfall/domain/codec"
import { type Timestamp, timestamp } from "@landfall/domain/timestamp"
import { limits } from "../config/limits.ts"
import { Fenced, type TransactionalPublisher } from "../kafka/publisher.ts"
import { backoffDelayMs } from "../net/backoff.ts"
import { failpoint } from "../process/failpoint.ts"
import { type Cadence, dueRecords } from "./due.ts"
import { messageOf } from "./source.ts"

/** What a polling publisher did, for the log and the metrics. */
export type PollingEvent =
  | { readonly type: "opened"; readonly known: number }
  | { readonly type: "open_failed"; readonly error: unknown }
  | { readonly type: "polled"; readonly took_ms: number }
  | { readonly type: "poll_failed"; readonly error: unknown; readonly took_ms: number }
  | { readonly type: "published"; readonly records: number; readonly took_ms: number }
  | { readonly type: "publish_failed"; readonly error: unknown }

export interface PollingPublisherOptions<Record> extends Cadence<Record> {
  readonly publisher: TransactionalPublisher
  /** The newest records of our own topic, to its end; called each time the publisher was opened. */
  readonly readPublished: () => Promise<ReadonlyMap<string, Record>>
  /** Asks the outside. The records are of the given instant, which is when the asking began. */
  readonly poll: (observed_at: Timestamp, signal: AbortSignal) => Promise<ReadonlyArray<Record>>
  readonly interval_ms: number
  readonly now: () => number
  readonly random: () => number
  /** Waits, or ends early when the signal aborts; a test decides how long. */
  readonly wait?: (delay_ms: number, signal: AbortSignal) => Promise<void>
  readonly onEvent?: (event: PollingEvent) => void
}

/** How a polling publisher stands. */
export interface PollingStatus<Record> {
  readonly paused_since_ms: number | null
  /** Whether the transactional id is held and the own topic was read to its end. */
  readonly open: boolean
  /** The newest published record of each key, also of those before this process. */
  readonly published: ReadonlyMap<string, Record>
  /** Records that this process has published. */
  readonly published_count: number
  readonly last_published_ms: number | null
  /** For how long a transaction has been waiting for Kafka; null while none is under way. */
  readonly committing_ms: number | null
  /** Whether a poll was answered since the start. */
  readonly polled: boolean
  readonly poll_error: string | null
  readonly kafka_error: string | null
  /** Keys whose newest record is later than this machine's clock. */
  readonly clock_behind: ReadonlyArray<string>
}

/** Polls the outside and publishes what is news, each record once, as the only holder of a transactional id. */
export interface PollingPublisher<Record> {
  /** Takes the transactional id and begins to poll; Kafka and the outside may be away, both are tried for ever. */
  readonly start: () => void
  readonly status: () => PollingStatus<Record>
  /** Nothing is asked and nothing is published any more once this has resolved. */
  readonly pause: () => Promise<void>
  /** Asks at once, and goes on. */
  readonly resume: () => void
  /** Resolves after `stop`; rejects with {@link Fenced} when another instance took over. */
  readonly done: Promise<void>
  readonly stop: () => Promise<void>
}

const waitFor = (delay_ms: number, signal: AbortSignal): Promise<void> =>
  sleep(delay_ms, undefined, { signal }).catch(() => {})

/** Durations come from the monotonic clock: the other one may be set while something is measured. */
const stopwatch = (): (() => number) => {
  const started_ms = performance.now()
  return () => performance.now() - started_ms
}

/**
 * A polling publisher that does nothing before `start`: taking the transactional id ends the instance that holds it, so
 * a process must be sure first that it can run, for one that its port is free.
 */
export const createPollingPublisher = <Record>(
  options: PollingPublisherOptions<Record>,
): PollingPublisher<Record> => {
  const { topic, publisher, now } = options
  const wait = options.wait ?? waitFor
  const encode = recordEncoder(topic)
  const tell = options.onEvent ?? (() => {})
  let open = false
  let published: ReadonlyMap<string, Record> = new Map()
  let publishedCount = 0
  let lastPublishedMs: number | null = null
  let committing: (() => number) | null = null
  let polled = false
  let pollError: string | null = null
  let kafkaError: string | null = null
  let clockBehind: ReadonlyArray<string> = []
  let failures = 0
  let pausedSinceMs: number | null = null
  let stopping = false
  /** Ends the wait or the poll that is under way; a fresh one each turn. */
  let turn = new AbortController()
  let publishing: Promise<void> = Promise.resolve()
  const retries = {
    base_ms: Math.min(limits.retry.base_ms, options.interval_ms),
    cap_ms: Math.max(limits.retry.cap_ms, options.interval_ms),
  }
  const isPaused = (): boolean => pausedSinceMs !== null
  const isStopping = (): boolean => stopping

  const lost = (error: unknown): void => {
    open = false
    if (error instanceof Fenced) throw error
    kafkaError = messageOf(error)
  }

  const tryOpen = async (): Promise<void> => {
    try {
      await publisher.open()
      published = await options.readPublished()
      open = true
      kafkaError = null
      tell({ type: "opened", known: published.size })
    } catch (error) {
      tell({ type: "open_failed", error })
      lost(error)
    }
  }

  const poll = async (signal: AbortSignal): Promise<ReadonlyArray<Record> | null> => {
    const since = stopwatch()
    try {
      const records = await options.poll(timestamp(now()), signal)
      polled = true
      pollError = null
      tell({ type: "polled", took_ms: since() })
      return records
    } catch (error) {
      if (signal.aborted) return null
      pollError = messageOf(error)
      tell({ type: "poll_failed", error, took_ms: since() })
      return null
    }
  }

  const publish = async (records: ReadonlyArray<Record>): Promise<void> => {
    const since = stopwatch()
    committing = since
    const messages = records.map((record) => ({
      topic: topic.name,
      key: topic.key(record),
      value: encode(record),
    }))
    try {
      await publisher.publish(messages)
    } catch (error) {
      tell({ type: "publish_failed", error })
      // Whether they were published is read from the topic when it is opened again.
      return lost(error)
    } finally {
      committing = null
    }
    published = new Map([...published, ...records.map((record) => [topic.key(record), record] as const)])
    publishedCount += records.length
    lastPublishedMs = now()
    tell({ type: "published", records: records.length, took_ms: since() })
  }

  /** One turn; gives the time until the next. */
  const takeTurn = async (signal: AbortSignal): Promise<number> => {
    const since = stopwatch()
    if (!open) await tryOpen()
    const records = await poll(signal)
    const due = records === null ? { publish: [], behind: [] } : dueRecords(options, published, records)
    if (open && records !== null) clockBehind = due.behind.map(topic.key)
    // Paused or stopped while it was asked: nothing is published after that.
    if (open && !signal.aborted && due.publish.length > 0) {
      failpoint("after_fetch")
      const work = publish(due.publish)
      publishing = work.catch(() => {})
      await work
    }
    if (signal.aborted) return 0
    failures = open && records !== null ? 0 : failures + 1
    if (failures > 0) return backoffDelayMs(failures, retries, options.random)
    return Math.max(0, options.interval_ms - since())
  }

  const run = async (): Promise<void> => {
    while (!isStopping()) {
      turn = new AbortController()
      const { signal } = turn
      if (isPaused()) {
        await wait(pause_ms_max, signal)
        continue
      }
      const delay_ms = await takeTurn(signal)
      if (!signal.aborted) await wait(delay_ms, signal)
    }
  }

  const started = Promise.withResolvers<void>()
  const done = started.promise.then(run).finally(() => publisher.close())
  // The one who waits for `done` hears of it; others must not end the process by a rejection that nobody handles.
  done.catch(() => {})

  return {
    start: started.resolve,
    done,
    status: () => ({
      paused_since_ms: pausedSinceMs,
      open,
      published,
      published_count: publishedCount,
      last_published_ms: lastPublishedMs,
      committing_ms: committing?.() ?? null,
      polled,
      poll_error: pollError,
      kafka_error: kafkaError,
      clock_behind: clockBehind,
    }),
    pause: async () => {
      pausedSinceMs ??= now()
      turn.abort()
      await publishing
    },
    resume: () => {
      if (!isPaused()) return
      pausedSinceMs = null
      turn.abort()
    },
    stop: async () => {
      stopping = true
      started.resolve()
      turn.abort()
      // A Kafka that does not answer must not hold the end; what it has not committed it aborts.
      await Promise.race([done.catch(() => {}), waitFor(stop_ms_max, new AbortController().signal)])
    },
  }
}

/** A paused publisher sleeps until it is woken; timers need some number. */
const pause_ms_max = 3_600_000
const stop_ms_max = 10_000
