import { Text } from "@landfall/domain/text"
import { TradeResult } from "@landfall/domain/topics/trade-result"
import { Schema } from "effect"
import { controlOf, type FaultControl } from "../simulated/control.ts"

/** How the relay's answers can be wrong beside what goes wrong on the wire. */
export const relayFaults = [
  "rejected", // the relay's own no, with a code and a reason
  "unknown_status", // a word that nobody knows
  "other_command", // the answer to another command
  "no_status",
] as const
export type RelayFault = (typeof relayFaults)[number]

/** The simulated relay's strings, from this or any other process. */
export type RelayControl = FaultControl<RelayFault>

/** A client for the control address and token that `startRelay` gave. */
export const relayControl = (controlUrl: string, token: string): RelayControl =>
  controlOf<RelayFault>("simulated relay", controlUrl, token).faults

/** The body of each of the executor's commands; the client writes what the server reads. */
export const executorCommands = {
  submit: Schema.Struct({ command_id: Schema.optionalKey(Text), pair: Text }),
  "override-relay": Schema.Struct({ url: Text }),
} as const

/** What a command of the executor came to. */
const readResult = Schema.decodeUnknownSync(Schema.Struct({ result: TradeResult }))

/** The executor's strings: let it trade, and send its submissions elsewhere. */
export interface ExecutorControl {
  /** Submits a command to the relay, and resolves with its result once that is in Kafka. */
  readonly submit: (pair: string, command_id?: string) => Promise<TradeResult>
  /** From now on submissions go there, so that they really fail when nothing listens. */
  readonly overrideRelay: (url: string) => Promise<void>
  /** Submissions go to the configured relay again. */
  readonly restoreRelay: () => Promise<void>
}

/** A client for the address and token that `startExecutor` gave. */
export const executorControl = (controlUrl: string, token: string): ExecutorControl => {
  const { send } = controlOf("executor", controlUrl, token)
  return {
    submit: async (pair, command_id) =>
      readResult(await send("submit", { pair, ...(command_id !== undefined && { command_id }) })).result,
    overrideRelay: async (url) => void (await send("override-relay", { url })),
    restoreRelay: async () => void (await send("restore-relay", {})),
  }
}
