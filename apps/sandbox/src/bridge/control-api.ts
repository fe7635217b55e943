import { Amount } from "@landfall/domain/amount"
import { Text } from "@landfall/domain/text"
import { Schema } from "effect"
import { wireFaults } from "../simulated/faults.ts"

/** The ways in which the simulated bridge can misbehave. */
export const FaultKind = Schema.Literals([
  ...wireFaults,
  "string_error", // a JSON-RPC answer whose error is a plain string
  "missing_paging", // rows without total, limit and offset
  "missing_timestamps", // rows without created_at
])
export type FaultKind = typeof FaultKind.Type

/** A fault: what goes wrong, for which method (all unless said) and how many answers (until cleared unless said). */
export const Fault = Schema.Struct({
  kind: FaultKind,
  method: Schema.optionalKey(Text),
  times: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  delay_ms: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 600_000 }))),
})
export type Fault = typeof Fault.Type

/** The statuses under which the bridge has credited a deposit. */
export const creditedStatuses = ["COMPLETED", "CREDITED"] as const

const handle = { account_id: Text, chain: Text, address: Text }

/** The body of each control command; the client writes what the server reads. */
export const commands = {
  "issue-handle": Schema.Struct(handle),
  "set-minimum": Schema.Struct({ chain: Text, min_deposit_amount: Amount }),
  "add-deposit": Schema.Struct({
    ...handle,
    amount: Amount,
    /** Empty when the bridge has not learned it. */
    tx_hash: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256))),
    from: Schema.optionalKey(Text),
    /** `PENDING` unless said; with one of a credit it is listed for the first time when it is already credited. */
    status: Schema.optionalKey(Text),
  }),
  credit: Schema.Struct({
    deposit_id: Text,
    /** The bridge's own hash, when it credits under another one than the chain's. */
    tx_hash: Schema.optionalKey(Text),
    /** `COMPLETED` unless said. */
    status: Schema.optionalKey(Schema.Literals(creditedStatuses)),
  }),
  fail: Schema.Struct({ deposit_id: Text }),
  "set-status": Schema.Struct({ deposit_id: Text, status: Text }),
  "set-fault": Fault,
  "clear-fault": Schema.Struct({}),
} as const

/** What a command is given, by its name. */
export type CommandBody<Name extends keyof typeof commands> = (typeof commands)[Name]["Type"]
