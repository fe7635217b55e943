import { Amount } from "@landfall/domain/amount"
import { Text } from "@landfall/domain/text"
import { Schema } from "effect"
import { controlOf, type FaultControl } from "../simulated/control.ts"

/** How the verifier's answers can be wrong beside what goes wrong on the wire. */
export const verifierFaults = [
  "rpc_error", // the node's error, in NEAR's shape
  "string_error", // a gateway's error, a plain string
  "contract_error", // the contract ended with an error, as older nodes tell it
  "not_json", // the contract's bytes are no JSON
  "too_few", // fewer balances than were asked for
  "number_balances", // balances as JSON numbers
  "negative_balance",
  "no_block", // an answer that names no block
  "stuck_block", // the newest block stays the same
  "old_block", // a block before the last
] as const
export type VerifierFault = (typeof verifierFaults)[number]

const balance = { account_id: Text, token_id: Text, amount: Amount }

/** The body of each command; the client writes what the server reads. */
export const commands = {
  "set-balance": Schema.Struct(balance),
  credit: Schema.Struct(balance),
} as const
type Body = (typeof commands)["credit"]["Type"]

/** The simulated verifier's strings, from this or any other process. */
export interface VerifierControl extends FaultControl<VerifierFault> {
  readonly setBalance: (balance: Body) => Promise<void>
  /** Adds to a balance, as a credit of the bridge does. */
  readonly credit: (credit: Body) => Promise<void>
}

/** A client for the control address and token that `startVerifier` or `.sandbox/connections.json` gave. */
export const verifierControl = (controlUrl: string, token: string): VerifierControl => {
  const { send, faults } = controlOf<VerifierFault>("simulated verifier", controlUrl, token)
  const encode = Schema.encodeSync(commands["credit"])
  return {
    ...faults,
    setBalance: async (given) => void (await send("set-balance", encode(given))),
    credit: async (given) => void (await send("credit", encode(given))),
  }
}
