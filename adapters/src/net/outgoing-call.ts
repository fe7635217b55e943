import type { FailureReason } from "./request-failed.ts"

/** What came of an outgoing call: an answer that can be read (an error in it is its reader's to judge), or why there was none. */
export type CallOutcome = "answered" | FailureReason

/** An outgoing call that is over, for the metrics. */
export interface OutgoingCall {
  /** The system that was asked, as a label has it: `bridge`, `evm-node`. */
  readonly source: string
  readonly outcome: CallOutcome
  /** From the first byte sent to the last one read; the wait for a free place is not in it. */
  readonly took_ms: number
}

/** Told of each outgoing call when it is over. */
export type OnCall = (call: OutgoingCall) => void

/** The label of a system that messages call `EVM node`: `evm-node`. */
export const sourceLabel = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")
