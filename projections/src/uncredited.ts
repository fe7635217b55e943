import { uncreditedStatuses } from "@landfall/domain/topics/funding-observation"
import type { FundingTransfer } from "./funding-transfer.ts"

/**
 * Money on its way by asset, in base units: transfers that are seen, confirming or confirmed.
 * Evidence for people, never a part of what may be spent.
 */
export const uncreditedTotals = (
  rows: Iterable<Pick<FundingTransfer, "asset_id" | "status" | "amount">>,
): ReadonlyMap<string, bigint> => {
  const totals = new Map<string, bigint>()
  for (const { asset_id, status, amount } of rows) {
    if (uncreditedStatuses.has(status)) totals.set(asset_id, (totals.get(asset_id) ?? 0n) + amount)
  }
  return totals
}
