import { fields } from "@landfall/domain/column"
import { Uuid } from "@landfall/domain/deterministic-id"
import { LongText, Text } from "@landfall/domain/text"
import { Timestamp } from "@landfall/domain/timestamp"
import { TradeResult, tradeResultTopic } from "@landfall/domain/topics/trade-result"
import { Schema } from "effect"
import { defineProjection } from "./projection.ts"

/** How trading on a pair went: the latest result, the latest success and the latest failure, each on its own. */
export const PairTradeResult = Schema.Struct({
  pair: Text,
  last_result_id: Uuid,
  last_command_id: Text,
  last_status: TradeResult.fields.status,
  last_at: Timestamp,
  /** The command that was last accepted or settled; null when none was. */
  last_success_id: Schema.NullOr(Uuid),
  last_success_command_id: Schema.NullOr(Text),
  last_success_at: Schema.NullOr(Timestamp),
  /** The command that last failed or was rejected; null when none was. */
  last_failure_id: Schema.NullOr(Uuid),
  last_failure_command_id: Schema.NullOr(Text),
  last_failure_at: Schema.NullOr(Timestamp),
  last_failure_error_code: Schema.NullOr(Text),
  last_failure_error_message: Schema.NullOr(LongText),
})
export type PairTradeResult = typeof PairTradeResult.Type

/** What a status means for the pair; a submission alone is neither. */
const outcome = {
  submitted: null,
  accepted: "success",
  settled: "success",
  rejected: "failure",
  failed: "failure",
} as const satisfies Record<TradeResult["status"], "success" | "failure" | null>

const newer = (result: TradeResult, at: Timestamp | null, id: string | null): boolean => {
  if (at === null || id === null || result.occurred_at > at) return true
  return result.occurred_at === at && result.trade_result_id > id
}

const latest = (result: TradeResult) => ({
  last_result_id: result.trade_result_id,
  last_command_id: result.command_id,
  last_status: result.status,
  last_at: result.occurred_at,
})

const success = (result: TradeResult) => ({
  last_success_id: result.trade_result_id,
  last_success_command_id: result.command_id,
  last_success_at: result.occurred_at,
})

const failure = (result: TradeResult) => ({
  last_failure_id: result.trade_result_id,
  last_failure_command_id: result.command_id,
  last_failure_at: result.occurred_at,
  last_failure_error_code: result.error_code ?? null,
  last_failure_error_message: result.error_message ?? null,
})

const nothingYet = {
  last_success_id: null,
  last_success_command_id: null,
  last_success_at: null,
  last_failure_id: null,
  last_failure_command_id: null,
  last_failure_at: null,
  last_failure_error_code: null,
  last_failure_error_message: null,
}

/** Latest result, success and failure of each pair. Late and duplicate results change nothing that is newer than they. */
export const tradeResult = defineProjection<PairTradeResult, TradeResult>({
  name: "trade_result",
  list: "trade-results",
  version: 1,
  topic: tradeResultTopic,
  key: (result) => result.pair,
  keyColumns: ["pair"],
  evolve: (row, result) => {
    const before = row ?? { pair: result.pair, ...latest(result), ...nothingYet }
    let after = before
    if (newer(result, before.last_at, before.last_result_id)) after = { ...after, ...latest(result) }
    const kind = outcome[result.status]
    if (kind === "success" && newer(result, before.last_success_at, before.last_success_id))
      after = { ...after, ...success(result) }
    if (kind === "failure" && newer(result, before.last_failure_at, before.last_failure_id))
      after = { ...after, ...failure(result) }
    return after
  },
  row: PairTradeResult,
  columns: fields<PairTradeResult>({
    pair: "text",
    last_result_id: "uuid",
    last_command_id: "text",
    last_status: "text",
    last_at: "timestamptz",
    last_success_id: "uuid",
    last_success_command_id: "text",
    last_success_at: "timestamptz",
    last_failure_id: "uuid",
    last_failure_command_id: "text",
    last_failure_at: "timestamptz",
    last_failure_error_code: "text",
    last_failure_error_message: "text",
  }),
})
