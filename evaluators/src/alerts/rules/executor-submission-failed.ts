import { epochMs } from "@landfall/domain/timestamp"
import type { PairTradeResult } from "@landfall/projections/trade-result"
import { Schema } from "effect"
import { defineRule, spoken, WindowMs } from "../define-rule.ts"
import { latestTrades } from "../reads/trade.ts"

const succeededSince = ({ last_success_at }: PairTradeResult, failure_at: string): boolean =>
  last_success_at !== null && last_success_at > failure_at

/** A submission failed or was rejected, and none has succeeded on the pair since. A success clears it at once. */
export const executorSubmissionFailed = defineRule({
  code: "executor_submission_failed",
  severity: "critical",
  scope: "executor",
  reads: latestTrades,
  policy: Schema.Struct({ clear_after_ms: WindowMs }),
  subject: (row) => ({ pair: row.pair }),
  breach: (row, { clear_after_ms }) => {
    const { last_failure_at } = row
    if (last_failure_at === null || succeededSince(row, last_failure_at)) return null
    const failure_ms = epochMs(last_failure_at)
    return {
      from: failure_ms,
      until: failure_ms + clear_after_ms,
      window_ms: clear_after_ms,
      reason: `command ${row.last_failure_command_id} failed: ${row.last_failure_error_code ?? "no error code"}`,
    }
  },
  recovered: (row, { clear_after_ms }) =>
    row.last_failure_at !== null && succeededSince(row, row.last_failure_at)
      ? `command ${row.last_success_command_id} succeeded`
      : `no other failure within ${spoken(clear_after_ms)}`,
  facts: (row) => ({
    last_failure_at: row.last_failure_at,
    command_id: row.last_failure_command_id,
    error_code: row.last_failure_error_code,
    error_message: row.last_failure_error_message,
    last_success_at: row.last_success_at,
  }),
  ahead: "ok",
  clears: "at_once",
  yields_to: [],
})
