import { setTimeout as sleep } from "node:timers/promises"
import type { EventReader } from "@landfall/adapters/alerts/event-reader"
import { PolicyRefused } from "@landfall/adapters/alerts/policy-store"
import { LogBroken } from "@landfall/adapters/history/resume"
import { Fenced, PublishUncertain, type TransactionalPublisher } from "@landfall/adapters/kafka/publisher"
import type { Logger } from "@landfall/adapters/log/log"
import { backoffDelayMs } from "@landfall/adapters/net/backoff"
import { failpoint } from "@landfall/adapters/process/failpoint"
import { recordEncoder } from "@landfall/domain/codec"
import type { Cut } from "@landfall/domain/position"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { clockSkewMsMax } from "@landfall/evaluators/alerts/clamp"
import { advance, createEvaluator, foretellClamps } from "@landfall/evaluators/alerts/evaluator"
import type { RecordedPolicy } from "@landfall/evaluators/alerts/policy"
import type { EvaluatorState } from "@landfall/evaluators/alerts/state"
import { tick } from "@landfall/evaluators/alerts/tick"
import { read_ms_max, readEverything, readRecorded, readUpTo, unread } from "./reading.ts"

export interface SentinelOptions {
  readonly publisher: TransactionalPublisher
  /** Records the policy that is in force from now on, and gives all there were. */
  readonly policies: () => Promise<ReadonlyArray<RecordedPolicy>>
  readonly openReader: () => Promise<EventReader>
  /** A reader of the own topic alone. */
  readonly openAlertReader: () => Promise<EventReader>
  readonly tick_interval_ms: number
  readonly now: () => number
  readonly random: () => number
  readonly log: Logger
  readonly onTick?: (turn: Turn) => void
}

/** What one tick did. */
export interface Turn {
  readonly alerts: ReadonlyArray<Alert>
  readonly looked_at: number
  readonly took_ms: number
  /** How much later than planned it began. */
  readonly late_ms: number
  /** How long its transaction took; null when there was nothing to publish. */
  readonly publish_ms: number | null
  /** Whether everything was read up to its end. */
  readonly caught_up: boolean
}

/** The loop that reads, evaluates and publishes. */
export interface Sentinel {
  /** What it knows; null before the topics were read for the first time. */
  readonly state: () => EvaluatorState | null
  /** Where the partitions ended at the latest tick. */
  readonly ends: () => Cut
  /** When each topic was last read to its end, in epoch milliseconds. */
  readonly read_ms: () => ReadonlyMap<string, number>
  /** Why nothing is evaluated at the moment; null when it is. */
  readonly trouble: () => string | null
  readonly paused_since_ms: () => number | null
  readonly latest: () => (Turn & { readonly at_ms: number }) | null
  /** Whether a tick is under way. */
  readonly ticking: () => boolean
  /** Once it has resolved, nothing is published until `resume`. Folding goes on. */
  readonly pause: () => Promise<void>
  readonly resume: () => void
  /** Ticks now and resolves with what came of it; null when it cannot evaluate now. */
  readonly evaluate: () => Promise<Turn | null>
  /** Resolves when the signal aborts. Rejects when another instance has taken over, or an operator must look. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** How often it is made sure that the topics are still those that were read. */
const check_interval_ms = 15_000
/** A tick that took longer to read is begun again; what is left of the skew is for clocks that differ. */
const tickAge_ms_max = clockSkewMsMax / 2
/** So often at one tick: where reading is always this slow, late is better than never. */
const restarts_max = 3
const backoff = { base_ms: 200, cap_ms: 5_000 }
const encode = recordEncoder(alertTopic)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Ends the process: another instance is at work, or only an operator can help. */
const isFinal = (error: unknown): boolean =>
  error instanceof Fenced || error instanceof LogBroken || error instanceof PolicyRefused

/** From taking the transactional id to the first failure. */
interface Session {
  readonly reader: EventReader
  readonly state: EvaluatorState
  readonly signal: AbortSignal
}

/** Turns stale and failed states into alerts. It only tells: nothing that moves money reads it. */
export const createSentinel = (options: SentinelOptions): Sentinel => {
  const { publisher, now, log } = options
  let state: EvaluatorState | null = null
  let ends: Cut = {}
  let trouble: string | null = "the topics are being read"
  /** Whether the topics were read to their end, so that it ticks. */
  let ready = false
  let pausedSinceMs: number | null = null
  let latest: (Turn & { readonly at_ms: number }) | null = null
  let ticking: Promise<unknown> | null = null
  let wake = new AbortController()
  const readMs = new Map<string, number>()
  const asked: Array<(turn: Turn | null) => void> = []
  /** What this process published and has not read back. */
  const ours = new Set<string>()

  const onAlert = (alert: Alert): void => {
    // Only one process publishes alerts. Whoever took over fences our next publication; why wait for it?
    if (!ours.delete(alert.alert_event_id))
      throw new Fenced(
        `another instance published ${alert.status} of episode ${alert.episode} of ${alert.alert_key}, so it has taken over; this one must end`,
      )
  }

  const catchUp = ({ reader, state, signal }: Session): Promise<void> =>
    readEverything({
      state,
      reader,
      signal,
      onAlert: ({ alert_event_id }) => void ours.delete(alert_event_id),
      onProgress: (left) => {
        trouble = `the topics are being read: ${left} offsets to go`
      },
    })

  const publish = async (alerts: ReadonlyArray<Alert>): Promise<number> => {
    const started_ms = performance.now()
    for (const { alert_event_id } of alerts) ours.add(alert_event_id)
    await publisher.publish(
      alerts.map((alert) => ({ topic: alertTopic.name, key: alertTopic.key(alert), value: encode(alert) })),
    )
    return performance.now() - started_ms
  }

  const endsNow = async (reader: EventReader): Promise<Cut> => {
    try {
      const found = await reader.ends()
      trouble = null
      return found
    } catch (error) {
      // Without the ends nothing can be called stale; the states are held, and shown as lagging.
      trouble = `Kafka: ${messageOf(error)}`
      return {}
    }
  }

  const turn = async ({ reader, state, signal }: Session, late_ms: number): Promise<Turn> => {
    const started_ms = performance.now()
    // Taken first: whatever was published by this instant lies before the ends that are fetched after it.
    let now_ms = now()
    const read = async (): Promise<boolean> => {
      const found = await endsNow(reader)
      const deadline_ms = performance.now() + read_ms_max
      const all = await readUpTo({ state, reader, ends: found, deadline_ms, signal, onAlert })
      ends = found // shown only now: what is being read is not lagging
      return all && Object.keys(found).length === Object.keys(reader.start).length
    }
    let caught_up = await read()
    // Stopped meanwhile, it has read what was written after its instant, and would take it for the word of a wrong clock.
    for (let again = 0; again < restarts_max && now() - now_ms > tickAge_ms_max; again++) {
      now_ms = now()
      caught_up = await read()
    }
    const { alerts, looked_at } = tick(state, { now_ms, ends, paused: pausedSinceMs !== null })
    noteRead(state, now_ms)
    let publish_ms: number | null = null
    if (alerts.length > 0 && !signal.aborted) {
      failpoint("after_fetch")
      publish_ms = await publish(alerts)
      // A transition counts once it was read back; what cannot be read now is read by the next tick.
      await read()
    }
    return { alerts, looked_at, took_ms: performance.now() - started_ms, late_ms, publish_ms, caught_up }
  }

  const noteRead = (known: EvaluatorState, at_ms: number): void => {
    const behind = new Set(unread(known, ends).map(({ topic }) => topic))
    for (const topic of Object.keys(ends)) if (!behind.has(topic)) readMs.set(topic, at_ms)
  }

  const answer = (waiting: ReadonlyArray<(turn: Turn | null) => void>, done: Turn | null): void => {
    for (const resolve of waiting) resolve(done)
  }

  /** One tick; an uncertain publication is looked up in the topic, by the same state, before the next. */
  const evaluate = async (session: Session, late_ms: number): Promise<void> => {
    const waiting = asked.splice(0)
    try {
      const done = await turn(session, late_ms)
      latest = { ...done, at_ms: now() }
      options.onTick?.(done)
      answer(waiting, done)
    } catch (error) {
      answer(waiting, null)
      if (!(error instanceof PublishUncertain)) throw error
      trouble = error.message
      log.warn({ err: error }, "a publication is uncertain; the own topic is read before the next tick")
      await publisher.open()
      await catchUp(session)
      trouble = null
    }
  }

  const ticks = async (session: Session): Promise<void> => {
    const { signal, reader } = session
    let due_ms = performance.now()
    let checked_ms = due_ms
    while (!signal.aborted) {
      wake = new AbortController()
      const late_ms = Math.max(0, performance.now() - due_ms)
      const work = evaluate(session, late_ms)
      ticking = work.catch(() => {})
      await work
      ticking = null
      if (performance.now() - checked_ms > check_interval_ms && trouble === null) {
        checked_ms = performance.now()
        await reader.check().catch((error: unknown) => {
          if (error instanceof LogBroken) throw error // a Kafka that does not answer is told of by the ticks
        })
      }
      // What was missed is not made up for: the next tick sees everything that is due.
      due_ms = Math.max(due_ms + options.tick_interval_ms, performance.now())
      const either = AbortSignal.any([signal, wake.signal])
      if (asked.length === 0)
        await sleep(Math.max(0, due_ms - performance.now()), undefined, { signal: either }).catch(() => {})
      if (wake.signal.aborted) due_ms = performance.now()
    }
  }

  const session = async (signal: AbortSignal): Promise<void> => {
    const policies = await options.policies()
    failpoint("after_commit")
    await publisher.open()
    ours.clear()
    const fresh = createEvaluator({ policies })
    // Before anything that they may hold to an instant is folded.
    const alerts = await options.openAlertReader()
    try {
      await readRecorded(alerts, signal, (alert) => foretellClamps(fresh, [alert]))
    } finally {
      await alerts.close()
    }
    const reader = await options.openReader()
    try {
      for (const [topic, partitions] of Object.entries(reader.start))
        for (const [partition, offset] of Object.entries(partitions))
          advance(fresh, topic, Number(partition), offset)
      const running: Session = { reader, state: fresh, signal }
      await catchUp(running)
      state = fresh
      log.info(
        { alerts: fresh.alerts.size, policy_version: fresh.policy.version },
        "the topics were read to their end",
      )
      ready = true
      await ticks(running)
    } finally {
      ready = false
      answer(asked.splice(0), null)
      await reader.close()
    }
  }

  return {
    state: () => state,
    ends: () => ends,
    read_ms: () => readMs,
    trouble: () => trouble,
    paused_since_ms: () => pausedSinceMs,
    latest: () => latest,
    ticking: () => ticking !== null,
    pause: async () => {
      pausedSinceMs ??= now()
      await ticking
    },
    resume: () => {
      pausedSinceMs = null
      wake.abort()
    },
    evaluate: () => {
      if (!ready) return Promise.resolve(null)
      return new Promise((resolve) => {
        asked.push(resolve)
        wake.abort()
      })
    },
    run: async (signal) => {
      let failures = 0
      while (!signal.aborted) {
        const began_ms = performance.now()
        try {
          await session(signal)
        } catch (error) {
          if (isFinal(error)) throw error
          trouble = messageOf(error)
          failures = performance.now() - began_ms > 60_000 ? 1 : failures + 1
          const delay_ms = backoffDelayMs(failures, backoff, options.random)
          log.warn({ err: error, delay_ms }, "nothing is evaluated until the topics were read again")
          await sleep(delay_ms, undefined, { signal }).catch(() => {})
        }
      }
      await publisher.close()
    },
  }
}
