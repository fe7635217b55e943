import { tradeResult } from "@landfall/projections/trade-result"
import { clampInstants, defineReads } from "../define-rule.ts"

/** The latest success and failure of each pair; a bare submission is neither, so no alert rests on it. */
export const latestTrades = defineReads({
  projection: tradeResult,
  clampEvent: (result, latest) => clampInstants(result, ["occurred_at"], latest),
  clampRow: (row, latest) => clampInstants(row, ["last_at", "last_success_at", "last_failure_at"], latest),
  events: (row) => [row.last_failure_id, row.last_success_id].filter((id) => id !== null),
})
