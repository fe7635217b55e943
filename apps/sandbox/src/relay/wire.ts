import { Text } from "@landfall/domain/text"
import type { TradeResult } from "@landfall/domain/topics/trade-result"
import { Result, Schema } from "effect"
import type { RelayFault } from "./control.ts"

/** A command as the executor posts it. */
export const Command = Schema.Struct({ command_id: Text, pair: Text })
export type Command = typeof Command.Type

const Answer = Schema.Struct({
  command_id: Text,
  status: Schema.Literals(["accepted", "rejected"]),
  error_code: Schema.optionalKey(Text),
  error_message: Schema.optionalKey(Text),
})

const decodeCommand = Schema.decodeUnknownResult(Command)
const decodeAnswer = Schema.decodeUnknownResult(Answer)

/** The text of the relay's answer to a command, right or with a fault. */
export const answerCommand = (body: unknown, fault: RelayFault | null): string => {
  const command = decodeCommand(body)
  const rejected = { status: "rejected", error_code: "bad_command", error_message: "not a command" }
  if (Result.isFailure(command)) return JSON.stringify({ command_id: "?", ...rejected })
  const { command_id } = command.success
  switch (fault) {
    case "rejected":
      return JSON.stringify({
        command_id,
        status: "rejected",
        error_code: "insufficient_liquidity",
        error_message: "no solver would take it",
      })
    case "unknown_status":
      return JSON.stringify({ command_id, status: "perhaps" })
    case "other_command":
      return JSON.stringify({ command_id: `${command_id}-other`, status: "accepted" })
    case "no_status":
      return JSON.stringify({ command_id })
    default:
      return JSON.stringify({ command_id, status: "accepted" })
  }
}

/** What the relay's answer makes of a command; an answer that says nothing is a failure of the submission. */
export const outcomeOf = (
  { command_id }: Command,
  answer: unknown,
): Pick<TradeResult, "status" | "error_code" | "error_message"> => {
  const read = decodeAnswer(answer)
  if (Result.isFailure(read))
    return {
      status: "failed",
      error_code: "relay_malformed",
      error_message: `the relay's answer does not fit: ${read.failure.message.replaceAll(/\s+/g, " ").slice(0, 300)}`,
    }
  const { command_id: answered, ...outcome } = read.success
  return answered === command_id
    ? outcome
    : {
        status: "failed",
        error_code: "relay_malformed",
        error_message: `the relay answered about command ${answered}`,
      }
}
