import { endpoint } from "@landfall/adapters/config/endpoint"
import { conflict } from "@landfall/adapters/http/http-error"
import { createJsonClient, type JsonClient } from "@landfall/adapters/net/json-client"
import { RequestFailed } from "@landfall/adapters/net/request-failed"
import { timestamp } from "@landfall/domain/timestamp"
import { type TradeResult, tradeResultId } from "@landfall/domain/topics/trade-result"
import { type Command, outcomeOf } from "./wire.ts"

/** Commands that are remembered, so that none is submitted twice: a story has a few. */
const commands_max = 100_000
/** A relay that does not answer by then has not taken the command. */
const timeout_ms = 2_000

export interface SubmissionsOptions {
  readonly relayUrl: string
  readonly emit: (results: ReadonlyArray<TradeResult>) => Promise<void>
  readonly now: () => number
}

/** Submits commands to a relay whose address can be overridden, and tells what came of each. */
export const createSubmissions = ({ relayUrl, emit, now }: SubmissionsOptions) => {
  const clientOf = (url: string): JsonClient =>
    createJsonClient({
      name: "relay",
      endpoint: endpoint(url),
      headers_timeout_ms: timeout_ms,
      total_timeout_ms: timeout_ms,
    })
  const configured = clientOf(relayUrl)
  let override: JsonClient | null = null
  const known = new Set<string>()
  let last_ms = 0

  /** Each result is later than the one before it, so that readers can tell which came first. */
  const resultOf = (
    { command_id, pair }: Command,
    outcome: Pick<TradeResult, "status" | "error_code" | "error_message">,
  ): TradeResult => {
    last_ms = Math.max(now(), last_ms + 1)
    const occurred_at = timestamp(last_ms)
    return {
      trade_result_id: tradeResultId(command_id, outcome.status),
      command_id,
      pair,
      ...outcome,
      occurred_at,
    }
  }

  const submitted = async (
    command: Command,
  ): Promise<Pick<TradeResult, "status" | "error_code" | "error_message">> => {
    try {
      return outcomeOf(command, await (override ?? configured).post("", command))
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error
      return {
        status: "failed",
        error_code: `relay_${error.reason}`,
        error_message: error.message.slice(0, 1_000),
      }
    }
  }

  return {
    overridden: (): string | null => override?.endpoint.shown ?? null,
    /** Throws a TypeError for what is not a web address. */
    override: (url: string | null): void => {
      override = url === null ? null : clientOf(url)
    },
    submit: async (command: Command): Promise<TradeResult> => {
      if (known.has(command.command_id)) throw conflict(`command ${command.command_id} was submitted before`)
      if (known.size >= commands_max) throw conflict(`this executor submits at most ${commands_max} commands`)
      known.add(command.command_id)
      await emit([resultOf(command, { status: "submitted" })])
      const result = resultOf(command, await submitted(command))
      await emit([result])
      return result
    },
  }
}
