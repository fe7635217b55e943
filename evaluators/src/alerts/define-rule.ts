import { epochMs, type Timestamp, timestamp } from "@landfall/domain/timestamp"
import type { Alert, AlertCode } from "@landfall/domain/topics/alert"
import type { Projection } from "@landfall/projections/projection"
import { Schema } from "effect"

/** The rows that rules judge: a projection, and what the evaluator must know of its times and events. */
export interface Reads<Row, Event> {
  readonly projection: Pick<Projection<Row, Event>, "name" | "topic" | "key" | "evolve">
  /** The event with no instant later than `latest`; the very same event when it has none. */
  readonly clampEvent: (event: Event, latest: Timestamp) => Event
  /** The same for a row. */
  readonly clampRow: (row: Row, latest: Timestamp) => Row
  /** The ids of the events that the row rests on. */
  readonly events: (row: Row) => ReadonlyArray<string>
  /** For rows in which an event hides one before it: a tick may have read what is dated after its own instant. */
  readonly past?: {
    /** The row without what it hides that way; the very same row when it hides nothing. */
    readonly asOf: (row: Row, latest: Timestamp) => Row
    /** The ids of the events that such a row may rest on, beside those of the row itself. */
    readonly events: (row: Row) => ReadonlyArray<string>
  }
}

/** Declares what rules read; plain data, checked against its row and event types. */
export const defineReads = <Row, Event>(reads: Reads<Row, Event>): Reads<Row, Event> => reads

/** From which instant, and until when, a row breaks a rule: epoch milliseconds, `until` not included. */
export interface Breach {
  readonly from: number
  readonly until?: number
  /** The window that was exceeded; 0 for what is wrong at once. */
  readonly window_ms: number
  readonly reason: string
}

/** Parts of an alert that name its subject for people and queries. */
export type AlertSubject = Pick<Alert, "pair" | "asset_id" | "tx_hash">

/** Facts about a row that go into an alert's `details.observed`. */
export type Facts = { readonly [name: string]: string | number | boolean | null }

/** Subjects that a policy declares: what it means when such a one was never observed. */
export interface Expects<Params> {
  /** The list of the policy that declares them. */
  readonly kind: "pairs" | "accounts"
  readonly subject: (key: string) => AlertSubject
  /** The breach of a subject that nothing was ever read of, declared since that instant. */
  readonly absent: (since_ms: number, params: Params) => Breach
}

/** A schema of a rule's own settings in the policy file. */
export type ParamsSchema<Params> = Schema.Codec<Params, unknown> & { readonly fields: Schema.Struct.Fields }

/** One alert rule: plain data, with pure functions of a row and the policy's settings for the rule. */
export interface Rule<Row, Event, Params> {
  readonly code: AlertCode
  /** Unless the policy says another. */
  readonly severity: Alert["severity"]
  /** The service whose work the alert is about; part of the alert's key. */
  readonly scope: string
  readonly reads: Reads<Row, Event>
  readonly policy: ParamsSchema<Params>
  readonly subject: (row: Row) => AlertSubject
  /** When the row breaks the rule; null when nothing can go wrong. A future `from` is a deadline. */
  readonly breach: (row: Row, params: Params) => Breach | null
  /** Why the alert clears, now that the row breaks the rule no more. */
  readonly recovered: (row: Row, params: Params) => string
  readonly facts: (row: Row) => Facts
  /** How the time up to the deadline is shown: `pending` when it means that something is under way too long. */
  readonly ahead: "ok" | "pending"
  /** `at_once`: clears when the breach ends; `after_quiet`: when it was absent for the policy's `clear_after_ms`. */
  readonly clears: "at_once" | "after_quiet"
  /** Rules over the same rows that take the subject over: while one of them is raised, this one is not. */
  readonly yields_to: ReadonlyArray<AlertCode>
  readonly expects?: Expects<Params>
}

/** Declares a rule; plain data, checked against its row, event and settings types. */
export const defineRule = <Row, Event, Params>(rule: Rule<Row, Event, Params>): Rule<Row, Event, Params> =>
  rule

/** A rule whose row, event and settings types are not known to the reader: registries hold them all alike. */
// biome-ignore lint/suspicious/noExplicitAny: a list of rules over different rows has no closer type.
export type AnyRule = Rule<any, any, any>

/** A length of time in a policy: from 1 ms to ten years. */
export const WindowMs = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 315_576_000_000 }))

/** The record with no named instant later than `latest`; the very same record when none is. */
export const clampInstants = <Item extends object>(
  item: Item,
  instants: ReadonlyArray<keyof Item>,
  latest: Timestamp,
): Item => {
  let clamped = item
  for (const name of instants) {
    const at = item[name]
    if (typeof at === "string" && at > latest) clamped = { ...clamped, [name]: latest }
  }
  return clamped
}

const units = [
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const

/** A length of time in the largest unit that gives a whole number: `90 s`, `2 min`, `1 h`, `1500 ms`. */
export const spoken = (length_ms: number): string => {
  const [unit, size] = units.find(([, ms]) => length_ms >= ms && length_ms % ms === 0) ?? ["ms", 1]
  return `${length_ms / size} ${unit}`
}

const lastInstant_ms = epochMs("9999-12-31T23:59:59.999Z")
const minute_ms = 60_000

/** The minute that was last asked for, as text up to its seconds: it is the same for thousands of events in a row. */
let latestMinute = { number: Number.NaN, text: "" }

/**
 * The canonical time of an instant that may lie beyond the last year that can be written. Every event is held against one, and
 * a date made for each took a quarter of the time of folding.
 */
export const timestampAtMost = (at_ms: number): Timestamp => {
  const instant_ms = Math.min(at_ms, lastInstant_ms)
  if (!Number.isInteger(instant_ms)) return timestamp(instant_ms)
  const number = Math.floor(instant_ms / minute_ms)
  if (number !== latestMinute.number)
    latestMinute = { number, text: timestamp(number * minute_ms).slice(0, "2026-11-23T09:30:".length) }
  const digits = String(100_000 + instant_ms - number * minute_ms) // a one, two of seconds, three behind the point
  return `${latestMinute.text}${digits.slice(1, 3)}.${digits.slice(3)}Z`
}
