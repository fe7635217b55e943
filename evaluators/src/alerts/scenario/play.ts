import { recordDecoder, recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import type { AnyRule } from "../define-rule.ts"
import { createEvaluator, fold, type ReadEvent } from "../evaluator.ts"
import type { RecordedPolicy } from "../policy.ts"
import { alertRules } from "../rules/registry.ts"
import { type EvaluatorState, keyOf } from "../state.ts"
import { tick } from "../tick.ts"
import { type Evaluation, evaluation } from "../views.ts"
import { type Log, newLog } from "./log.ts"
import type { ExpectedState, Scenario, Step } from "./scenario.ts"

/** How a scenario is played. All ways must give the same alerts. */
export interface Manner {
  readonly name: string
  /** What a consumer gets, of what there is to read; each partition stays in order. */
  readonly deliver: (pending: ReadonlyArray<ReadEvent>) => ReadonlyArray<ReadEvent>
  /** How often each input is written to its topic. */
  readonly copies: number
  /** The commit point at which the evaluator dies, counted from 0; null when it lives. */
  readonly crash_at: number | null
}

/** The manner in which a scenario is written: everything once, in order, without a fault of its own. */
export const asWritten: Manner = {
  name: "as written",
  deliver: (pending) => pending,
  copies: 1,
  crash_at: null,
}

/** What came of a scenario. */
export interface Play {
  /** What was emitted by the end of each moment. */
  readonly alerts: ReadonlyArray<ReadonlyArray<Alert>>
  /** How the keys stood that the scenario asks about, by the line that asks. */
  readonly states: ReadonlyMap<number, Evaluation["state"] | "unknown">
  readonly log: Log
  readonly policies: ReadonlyArray<RecordedPolicy>
  /** How many places there were at which the evaluator could have died. */
  readonly commit_points: number
}

const inputs = topics.map(({ name }) => name).filter((name) => name !== alertTopic.name)
const encode = recordEncoder(alertTopic)
const decode = recordDecoder(alertTopic)
const utf8 = new TextEncoder()

/** The alert as it is read back from its topic. Throws when the topic would refuse it. */
const published = (alert: Alert): Alert => {
  const decoded = decode(utf8.encode(encode(alert)))
  if (!decoded.ok) throw new Error(`the topic refuses ${alert.alert_key}: ${decoded.reason}`)
  return decoded.record
}

/** An evaluator with its Kafka, its clock and its deaths. */
const stage = (scenario: Scenario, manner: Manner, rules: ReadonlyArray<AnyRule>) => {
  const log = newLog()
  const policies: RecordedPolicy[] = [
    { recorded_at: timestamp(scenario.recorded_ms), policy: scenario.policy },
  ]
  const visible = new Map<string, ReadonlyArray<ReadEvent>>()
  let state: EvaluatorState = createEvaluator({ policies, rules })
  let points = 0
  let paused = false

  const isRead = ({ topic, partition, offset }: ReadEvent): boolean =>
    offset < (state.next.get(topic)?.get(partition) ?? 0)
  const start = (): void => {
    state = createEvaluator({ policies: [...policies], rules })
    read([alertTopic.name])
  }
  /** A place at which the process may die; true when it did. */
  const commitPoint = (): boolean => {
    const dies = points++ === manner.crash_at
    if (dies) start()
    return dies
  }
  const read = (names: ReadonlyArray<string>): void => {
    const readable = names.flatMap((topic) => visible.get(topic) ?? log.messages(topic))
    for (const message of manner.deliver(readable.filter((one) => !isRead(one)))) {
      fold(state, message)
      if (commitPoint()) return read(inputs)
    }
  }
  const evaluate = (now_ms: number): ReadonlyArray<Alert> => {
    const decide = () => {
      read([alertTopic.name, ...inputs])
      return tick(state, { now_ms, ends: log.ends(), paused }).alerts
    }
    const decided = decide()
    // One that dies before its transaction is committed leaves the decision to the next.
    const alerts = (commitPoint() ? decide() : decided).map(published)
    for (const alert of alerts) log.append(alertTopic.name, alert, now_ms)
    commitPoint()
    read([alertTopic.name, ...inputs])
    return alerts
  }
  return {
    log,
    policies,
    evaluate,
    start,
    state: () => state,
    commit_points: () => points,
    write: (topic: string, record: unknown, at_ms: number, copies: number): void => {
      for (let copy = 0; copy < copies; copy++) log.append(topic, record, at_ms)
    },
    redeliver: (): void => {
      for (const message of inputs.flatMap(log.messages).filter(isRead)) fold(state, message)
    },
    hide: (topic: string): void => void visible.set(topic, log.messages(topic)),
    show: (topic: string): void => void visible.delete(topic),
    pause: (now: boolean): void => {
      paused = now
    },
  }
}

/** Plays a scenario against the evaluator, with the scenario's clock and a log in memory. */
export const play = (
  scenario: Scenario,
  manner: Manner,
  rules: ReadonlyArray<AnyRule> = alertRules,
): Play => {
  const on = stage(scenario, manner, rules)
  const alerts: Alert[][] = []
  const states = new Map<number, Evaluation["state"] | "unknown">()
  let before_ms: number | null = null
  for (const { at_ms, steps, ticks, states: asked } of scenario.moments) {
    const emitted: Alert[] = []
    for (const now_ms of ticksBetween(scenario, before_ms, at_ms)) emitted.push(...on.evaluate(now_ms))
    for (const step of steps) perform(on, step, at_ms, manner.copies)
    if (ticks) emitted.push(...on.evaluate(at_ms))
    for (const one of asked) states.set(one.line, standing(on.state(), scenario, one, rules))
    alerts.push(emitted)
    before_ms = at_ms
  }
  return { alerts, states, log: on.log, policies: on.policies, commit_points: on.commit_points() }
}

const perform = (on: ReturnType<typeof stage>, step: Step, at_ms: number, copies: number): void => {
  switch (step.kind) {
    case "emit":
      return on.write(step.topic, step.record, at_ms, copies)
    case "redeliver":
      return on.redeliver()
    case "lag":
      return on.hide(step.topic)
    case "caught_up":
      return on.show(step.topic)
    case "crash":
      return on.start()
    case "pause":
    case "resume":
      return on.pause(step.kind === "pause")
    case "policy":
      on.policies.push({ recorded_at: timestamp(at_ms), policy: step.policy })
      return on.start()
  }
}

/** The ticks that come on their own between two moments. */
function* ticksBetween(scenario: Scenario, after_ms: number | null, before_ms: number): Generator<number> {
  const first_ms = scenario.moments[0]?.at_ms
  const every_ms = scenario.tick_every_ms
  if (after_ms === null || first_ms === undefined || every_ms === null) return
  const passed = Math.floor((after_ms - first_ms) / every_ms)
  for (let at_ms = first_ms + (passed + 1) * every_ms; at_ms < before_ms; at_ms += every_ms) yield at_ms
}

const standing = (
  state: EvaluatorState,
  { names }: Scenario,
  { code, subject }: ExpectedState,
  rules: ReadonlyArray<AnyRule>,
): Evaluation["state"] | "unknown" => {
  const rule = rules.find((one) => one.code === code)
  if (rule === undefined) return "unknown"
  return evaluation(state, keyOf(rule, names.get(subject) ?? subject))?.state ?? "unknown"
}
