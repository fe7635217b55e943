import { recordEncoder } from "@landfall/domain/codec"
import type { Cut } from "@landfall/domain/position"
import { epochMs } from "@landfall/domain/timestamp"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { advance, createEvaluator, fold, foretellClamps, type ReadEvent } from "./evaluator.ts"
import type { EvaluatorOptions, EvaluatorState } from "./state.ts"
import { tick } from "./tick.ts"

/** All transitions that one tick decided from one topic: with the cut, everything that is needed to decide again. */
export interface RecordedDecision {
  readonly evaluated_ms: number
  readonly policy_version: number
  readonly cut: Cut
  readonly alerts: ReadonlyArray<Alert>
}

/** A recorded transition, beside what comes out when it is decided again. */
export interface ReplayedAlert {
  readonly recorded: Alert
  /** Null when deciding again gives no such transition. */
  readonly replayed: Alert | null
  /** Whether the two are the same byte for byte. */
  readonly same: boolean
}

/** What a replay found. */
export interface Replay {
  /** Every recorded transition, in the order in which they were decided. */
  readonly alerts: ReadonlyArray<ReplayedAlert>
  /** Transitions that deciding again gives and that were not recorded. */
  readonly unexpected: ReadonlyArray<Alert>
  /** Whether everything is the same and nothing is unexpected. */
  readonly same: boolean
}

const encode = recordEncoder(alertTopic)

const extent = (cut: Cut): number =>
  Object.values(cut)
    .flatMap((partitions) => Object.values(partitions))
    .reduce((sum, next) => sum + next, 0)

const readThrough = (cut: Cut): string => Object.keys(cut).sort().join(",")

/**
 * The recorded transitions by the decision that gave them. Decisions from the same topic are in the order in which
 * they were made: an evaluator only reads on, so the cut that reaches further is the later one.
 */
export const decisionsOf = (recorded: Iterable<Alert>): ReadonlyArray<RecordedDecision> => {
  const groups = Map.groupBy(recorded, ({ details }) =>
    JSON.stringify([details.evaluated_at, details.policy_version, details.cut]),
  )
  return [...groups.values()]
    .flatMap((alerts) => {
      const [first] = alerts
      if (first === undefined) return []
      const { evaluated_at, policy_version, cut } = first.details
      return [{ evaluated_ms: epochMs(evaluated_at), policy_version, cut, alerts }]
    })
    .sort(
      (left, right) =>
        (readThrough(left.cut) < readThrough(right.cut) ? -1 : 0) ||
        (readThrough(left.cut) > readThrough(right.cut) ? 1 : 0) ||
        extent(left.cut) - extent(right.cut) ||
        left.evaluated_ms - right.evaluated_ms,
    )
}

/** An evaluator that knows a decision's policy and the clamps that recorded decisions rest on; null without the policy. */
export const evaluatorOf = (
  policy_version: number,
  recorded: Iterable<Alert>,
  { policies, ...options }: EvaluatorOptions,
): EvaluatorState | null => {
  const place = policies.findIndex(({ policy }) => policy.version === policy_version)
  if (place < 0) return null
  const state = createEvaluator({ ...options, policies: policies.slice(0, place + 1) })
  foretellClamps(state, recorded)
  return state
}

/**
 * Makes one decision again. The state has folded what comes before the decision's cut, and the transitions that
 * were decided before it.
 */
export const replayDecision = (state: EvaluatorState, decision: RecordedDecision): Replay => {
  for (const [topic, partitions] of Object.entries(decision.cut))
    for (const [partition, next] of Object.entries(partitions)) advance(state, topic, Number(partition), next)
  const ends = { ...decision.cut, [alertTopic.name]: { "0": 0 } }
  const { alerts: decided } = tick(state, { now_ms: decision.evaluated_ms, ends, paused: false })
  const alerts = decision.alerts.map((recorded): ReplayedAlert => {
    const replayed = decided.find(({ alert_event_id }) => alert_event_id === recorded.alert_event_id) ?? null
    return { recorded, replayed, same: replayed !== null && encode(replayed) === encode(recorded) }
  })
  const known = new Set(decision.alerts.map(({ alert_event_id }) => alert_event_id))
  const unexpected = decided.filter(({ alert_event_id }) => !known.has(alert_event_id))
  return { alerts, unexpected, same: unexpected.length === 0 && alerts.every(({ same }) => same) }
}

/** An event that a replay reads. */
export interface ReplayEvent extends ReadEvent {
  /**
   * Since when it counts as an event, in epoch milliseconds, where that is not from the beginning: a dead letter that was
   * retried. Decisions before that were made without it.
   */
  readonly known_ms?: number
}

/** Which events a replay wants next: of one partition, in offset order, the offsets `[from, to)`. */
export interface Wanted {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/**
 * Makes every recorded decision again, each from its own cut and under its own policy, and compares the bytes. It asks for
 * the events that it wants and is given the next of them, as many as there are at hand; none means that there are no more
 * in that stretch. What it was given it does not keep, so that a log of any length can be replayed. It asks along each
 * partition forwards, and from the beginning again for another policy.
 */
export function* replaySteps(
  recorded: ReadonlyArray<Alert>,
  options: EvaluatorOptions,
): Generator<Wanted, Replay, ReadonlyArray<ReplayEvent>> {
  const decisions = Map.groupBy(decisionsOf(recorded), ({ cut }) => readThrough(cut))
  const parts: Replay[] = []
  for (const ofTopic of decisions.values()) {
    const passes = new Map<number, Pass>()
    for (const [place, decision] of ofTopic.entries()) {
      const pass = passOf(passes, decision, recorded, options)
      if (pass === null) parts.push(undecided(decision))
      else {
        for (const before of ofTopic.slice(pass.decisions_folded, place)) foldDecided(pass.state, before)
        pass.decisions_folded = place
        yield* foldUpTo(pass, decision)
        parts.push(replayDecision(pass.state, decision))
      }
    }
  }
  return {
    alerts: parts.flatMap((part) => part.alerts),
    unexpected: parts.flatMap((part) => part.unexpected),
    same: parts.every((part) => part.same),
  }
}

/**
 * The same from events in memory: those of the topics that the cuts name, in offset order within each partition.
 */
export const replayAlerts = (
  events: Iterable<ReplayEvent>,
  recorded: ReadonlyArray<Alert>,
  options: EvaluatorOptions,
): Replay => {
  const partitions = Map.groupBy(events, ({ topic, partition }) => placeOf(topic, partition))
  const steps = replaySteps(recorded, options)
  let step = steps.next()
  while (!step.done) {
    const { topic, partition, from, to } = step.value
    const list = partitions.get(placeOf(topic, partition)) ?? []
    step = steps.next(list.slice(firstFrom(list, from), firstFrom(list, to)))
  }
  return step.value
}

/** An evaluator on its way through the events and transitions of one topic. */
interface Pass {
  readonly state: EvaluatorState
  decisions_folded: number
  /** From when on an event counts that was left out; infinite when none was. */
  left_out_ms: number
}

/** The evaluator of the decision's policy; a new one when the last has read past the cut. */
const passOf = (
  passes: Map<number, Pass>,
  { policy_version, cut, evaluated_ms }: RecordedDecision,
  recorded: ReadonlyArray<Alert>,
  options: EvaluatorOptions,
): Pass | null => {
  const known = passes.get(policy_version)
  if (known !== undefined && !isPast(known.state, cut) && evaluated_ms < known.left_out_ms) return known
  const state = evaluatorOf(policy_version, recorded, options)
  if (state === null) return null
  const pass = { state, decisions_folded: 0, left_out_ms: Number.POSITIVE_INFINITY }
  passes.set(policy_version, pass)
  return pass
}

const isPast = ({ next }: EvaluatorState, cut: Cut): boolean =>
  Object.entries(cut).some(([topic, partitions]) =>
    Object.entries(partitions).some(
      ([partition, end]) => (next.get(topic)?.get(Number(partition)) ?? 0) > end,
    ),
  )

const undecided = (decision: RecordedDecision): Replay => ({
  alerts: decision.alerts.map((recorded) => ({ recorded, replayed: null, same: false })),
  unexpected: [],
  same: false,
})

const step = (alert: Alert): number => alert.episode * 2 + (alert.status === "cleared" ? 1 : 0)

/** Folds recorded transitions as if they were read from `ops.alert`; their place there makes no difference. */
const foldDecided = (state: EvaluatorState, { alerts }: RecordedDecision): void => {
  for (const record of alerts.toSorted((left, right) => step(left) - step(right))) {
    const offset = state.next.get(alertTopic.name)?.get(0) ?? 0
    fold(state, { topic: alertTopic.name, partition: 0, offset, kafka_ms: -1, record })
  }
}

const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`

/** Folds what lies before the decision's cut, and asks for it. */
function* foldUpTo(
  pass: Pass,
  { cut, evaluated_ms }: RecordedDecision,
): Generator<Wanted, void, ReadonlyArray<ReplayEvent>> {
  for (const [topic, partitions] of Object.entries(cut)) {
    for (const [name, to] of Object.entries(partitions)) {
      const partition = Number(name)
      for (;;) {
        const begin = pass.state.next.get(topic)?.get(partition) ?? 0
        const events = begin < to ? yield { topic, partition, from: begin, to } : []
        if (events.length === 0) break
        for (const event of events) {
          if (event.known_ms === undefined || event.known_ms <= evaluated_ms) fold(pass.state, event)
          else {
            pass.left_out_ms = Math.min(pass.left_out_ms, event.known_ms)
            advance(pass.state, topic, partition, event.offset + 1)
          }
        }
      }
    }
  }
}

/** Where the events from that offset on begin. */
const firstFrom = (events: ReadonlyArray<ReadEvent>, offset: number): number => {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((events[middle]?.offset ?? offset) < offset) low = middle + 1
    else high = middle
  }
  return low
}
