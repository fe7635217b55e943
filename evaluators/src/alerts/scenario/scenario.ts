import type { AlertCode } from "@landfall/domain/topics/alert"
import type { AlertPolicy } from "../policy.ts"
import type { Evaluation } from "../views.ts"

/** Something that happens in a scenario. */
export type Step =
  | { readonly kind: "emit"; readonly line: number; readonly topic: string; readonly record: unknown }
  | { readonly kind: "lag" | "caught_up"; readonly line: number; readonly topic: string }
  | { readonly kind: "redeliver" | "crash" | "pause" | "resume"; readonly line: number }
  | { readonly kind: "policy"; readonly line: number; readonly policy: AlertPolicy }

/** A transition that a scenario expects. What it does not name is not compared. */
export interface ExpectedAlert {
  readonly line: number
  readonly status: "raised" | "cleared"
  readonly code: AlertCode
  readonly subject: string
  /** `raised_at` of a raise, `cleared_at` of a clear. */
  readonly at_ms: number
  /** The tick that saw it. */
  readonly seen_ms?: number
  readonly reason?: string
  readonly episode?: number
  readonly severity?: string
  /** `first_raised_at`. */
  readonly first_ms?: number
}

/** How a key is expected to stand after a tick. */
export interface ExpectedState {
  readonly line: number
  readonly state: Evaluation["state"]
  readonly code: AlertCode
  readonly subject: string
}

/** One moment of a scenario: what happens, then a tick, then what is to be seen. */
export interface Moment {
  readonly line: number
  readonly at_ms: number
  readonly steps: ReadonlyArray<Step>
  readonly ticks: boolean
  /** Everything that was emitted since the moment before, in this order, and nothing else. */
  readonly alerts: ReadonlyArray<ExpectedAlert>
  readonly states: ReadonlyArray<ExpectedState>
}

/** A story of events, ticks and faults, and of every alert that comes of it. */
export interface Scenario {
  readonly file: string
  readonly title: string
  readonly policy: AlertPolicy
  /** When the first policy was recorded. */
  readonly recorded_ms: number
  /** Ticks between the moments, counted from the first; null for none. */
  readonly tick_every_ms: number | null
  readonly moments: ReadonlyArray<Moment>
  /** Subjects by the names that the scenario gives them. */
  readonly names: ReadonlyMap<string, string>
}
