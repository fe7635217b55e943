import { deterministicId } from "@landfall/domain/deterministic-id"
import type { Cut } from "@landfall/domain/position"
import { epochMs } from "@landfall/domain/timestamp"
import { type Alert, alertKey } from "@landfall/domain/topics/alert"
import { type DeadlineQueue, deadlineQueue, type Queued } from "./deadline-queue.ts"
import type { AnyRule, Breach } from "./define-rule.ts"
import type { AlertPolicy, RecordedPolicy, SubjectLists } from "./policy.ts"

/** What one rule thinks of one subject. */
export interface Slot {
  readonly rule: AnyRule
  /** The latest transition of its key; null before the first. */
  alert: Alert | null
  breach: Breach | null
  /** Why the rule could not be asked, or its alert not be written; null when it could. */
  error: string | null
  /** When the latest breach ended by an event, by Kafka's time of that event; `-Infinity` when none did. */
  recovered_ms: number
}

/** That a tick took everything that a subject's row said of later instants as said of its own. */
export interface Clamp {
  readonly to_ms: number
  /** How far the subject's partition was read by then: what comes behind is folded into the row as it was held. */
  readonly partition: number
  readonly next_offset: number
  /** Whether it was done here. One that a record names waits for what comes before it. */
  applied: boolean
  /** Whether a published transition names it. */
  told: boolean
}

/** A tick that made a recorded decision: when, and how far it had read a partition. */
export interface DecidedTick {
  readonly to_ms: number
  readonly next_offset: number
}

/** The recorded ticks of a partition that lie ahead of what was folded, and what they will hold to their instants. */
export interface DecidedTicks {
  /** In the order of their places once they are asked for; the ones before `at` are over. */
  ticks: DecidedTick[]
  isSorted: boolean
  at: number
  /** Subjects whose latest message is dated well after the next of them. */
  readonly ahead: Set<Subject>
}

/** A pair, account or transfer with its row, the events behind the row, and a slot for each rule that reads it. */
export interface Subject extends Queued {
  readonly key: string
  /** Since when the policy declares it; null when it does not. */
  readonly declared_ms: number | null
  /** Null while nothing was read of it. Its type is known to the source alone. */
  row: unknown
  evidence: Alert["details"]["evidence"]
  /** Kafka's time of the latest message that changed the row. */
  kafka_ms: number
  /** The tick that its instants were clamped to, because Kafka's own time was ahead; else null. */
  clamped_to_ms: number | null
  /** All such ticks that are known, in the order of their places in the partition. */
  clamps: ReadonlyArray<Clamp>
  /** The partition that its messages come from; -1 before the first. */
  partition: number
  readonly slots: ReadonlyArray<Slot>
}

/** The rows of one projection, and the rules that read them. */
export interface Source {
  readonly topic: string
  readonly rules: ReadonlyArray<AnyRule>
  readonly subjects: Map<string, Subject>
  readonly queue: DeadlineQueue<Subject>
  /** Whether the latest tick found everything read that can hold the subjects. */
  caught_up: boolean
  /** The latest tick that could decide, in epoch milliseconds; null before the first. */
  evaluated_ms: number | null
  /** Subjects that changed since the latest tick, and the latest Kafka time among them. */
  touched: Set<Subject>
  touched_kafka_ms: number
  /** Subjects with clamps that a record names and that were not made here yet. */
  readonly held: Set<Subject>
  /** By partition: recorded ticks that were not come to yet. */
  readonly decided: Map<number, DecidedTicks>
}

/** All that the evaluator knows. It is changed in place by `fold` and `tick`, and by nothing else. */
export interface EvaluatorState {
  readonly policies: ReadonlyArray<RecordedPolicy>
  readonly policy: AlertPolicy
  readonly sources: ReadonlyArray<Source>
  /** The offset of the next message, by topic and partition. */
  readonly next: Map<string, Map<number, number>>
  /** The latest transition of each alert key. */
  readonly alerts: Map<string, Alert>
  /** The latest instant that events of wrong clocks may name, by event id, oldest first. */
  readonly clamps: Map<string, number>
  tick_ms: number | null
}

/** What to evaluate with: all recorded policies, oldest first. The last one is in force. */
export interface EvaluatorOptions {
  readonly policies: ReadonlyArray<RecordedPolicy>
  readonly rules?: ReadonlyArray<AnyRule>
}

/** An alert key is one line of at most 256 characters; a longer subject is named by its beginning and a hash. */
const subjectLengthMax = 180

/** The key of a rule's alert about a subject. Made when it is needed: most subjects never have an alert. */
export const keyOf = (rule: Pick<AnyRule, "code" | "scope">, subject: string): string => {
  const short = `${subject.slice(0, 120)}~${deterministicId("alert_subject", subject)}`
  return alertKey(rule.code, rule.scope, subject.length > subjectLengthMax ? short.toWellFormed() : subject)
}

/** Since when the policies, without a gap up to the last, have declared a subject; null when the last does not. */
export const declaredSince = (
  policies: ReadonlyArray<RecordedPolicy>,
  kind: keyof SubjectLists,
  subject: string,
): number | null => {
  const gap = policies.findLastIndex(({ policy }) => !policy.expected[kind].includes(subject))
  const first = policies[gap + 1]
  return first === undefined ? null : epochMs(first.recorded_at)
}

/** A subject that nothing is known of yet. */
export const newSubject = (state: EvaluatorState, source: Source, key: string): Subject => {
  const kind = source.rules.find((rule) => rule.expects !== undefined)?.expects?.kind
  const subject: Subject = {
    key,
    declared_ms: kind === undefined ? null : declaredSince(state.policies, kind, key),
    row: null,
    evidence: [],
    kafka_ms: Number.NEGATIVE_INFINITY,
    clamped_to_ms: null,
    clamps: [],
    partition: -1,
    slots: source.rules.map((rule) => ({
      rule,
      alert: null,
      breach: null,
      error: null,
      recovered_ms: Number.NEGATIVE_INFINITY,
    })),
    due_ms: Number.POSITIVE_INFINITY,
    place: -1,
  }
  source.subjects.set(key, subject)
  return subject
}

/** The events that the subject's row rests on, without those that only an earlier row would. */
export const evidenceBehind = (
  { rules }: Pick<Source, "rules">,
  { row, evidence }: Subject,
): Subject["evidence"] => {
  const reads = rules[0]?.reads
  if (reads?.past === undefined || row === null) return evidence
  const ids = reads.events(row)
  return evidence.filter(({ event_id }) => ids.includes(event_id))
}

/** The rules by what they read; those that yield to others come after them. */
export const sourcesOf = (rules: ReadonlyArray<AnyRule>): ReadonlyArray<Source> => {
  const byReads = Map.groupBy(rules, (rule) => rule.reads)
  return [...byReads].map(([reads, readers]) => ({
    topic: reads.projection.topic.name,
    rules: readers.toSorted((left, right) => left.yields_to.length - right.yields_to.length),
    subjects: new Map(),
    queue: deadlineQueue(),
    caught_up: false,
    evaluated_ms: null,
    touched: new Set(),
    touched_kafka_ms: Number.NEGATIVE_INFINITY,
    held: new Set(),
    decided: new Map(),
  }))
}

/** Whether the policy in force no longer watches the subject. */
export const isRetired = (policy: AlertPolicy, rule: AnyRule, subject: string): boolean =>
  rule.expects !== undefined && policy.retired[rule.expects.kind].includes(subject)

/** How far the topic was read, in the partitions that were read or have an end. */
export const cutOf = (state: EvaluatorState, topic: string, ends: Cut): Cut => {
  const read = state.next.get(topic)
  const partitions = new Set([...Object.keys(ends[topic] ?? {}), ...[...(read?.keys() ?? [])].map(String)])
  return {
    [topic]: Object.fromEntries(
      [...partitions].map((partition) => [partition, read?.get(Number(partition)) ?? 0]),
    ),
  }
}

/** Whether everything of the topic up to those ends was read. A topic whose ends are not known was not. */
export const isRead = (state: EvaluatorState, topic: string, ends: Cut): boolean => {
  const known = Object.hasOwn(ends, topic) ? Object.entries(ends[topic] ?? {}) : []
  const read = state.next.get(topic)
  return known.length > 0 && known.every(([partition, end]) => (read?.get(Number(partition)) ?? 0) >= end)
}
