import { Schema } from "effect"
import { fields } from "../column.ts"
import { deterministicId, Uuid } from "../deterministic-id.ts"
import { LongText, Text } from "../text.ts"
import { Timestamp } from "../timestamp.ts"
import { defineTopic } from "../topic.ts"

/** What became of a command that the executor submitted. */
export const TradeResult = Schema.Struct({
  trade_result_id: Uuid,
  command_id: Text,
  pair: Text,
  status: Schema.Literals(["submitted", "accepted", "rejected", "failed", "settled"]),
  error_code: Schema.optionalKey(Text),
  error_message: Schema.optionalKey(LongText),
  occurred_at: Timestamp,
})
export type TradeResult = typeof TradeResult.Type

export const tradeResultId = (commandId: string, status: TradeResult["status"]): string =>
  deterministicId("trade_result", commandId, status)

export const tradeResultTopic = defineTopic<TradeResult>({
  name: "exec.trade_result",
  schema: TradeResult,
  key: (result) => result.pair,
  id: "trade_result_id",
  occurredAt: (result) => result.occurred_at,
  evidenceTable: "trade_results",
  columns: fields<TradeResult>({
    command_id: "text",
    pair: "text",
    status: "text",
    error_code: "text",
    occurred_at: "timestamptz",
  }),
})
