import type { Admin } from "@landfall/adapters/kafka/admin"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import type { Database } from "@landfall/adapters/postgres/transaction"
import { loadState } from "@landfall/adapters/state/load-state"
import { type FundingHandle, fundingHandle } from "@landfall/projections/funding-handle"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import type { FundingState } from "./session.ts"

/** Transfers and handles as they are at the end of their topics: snapshots from PostgreSQL, and Kafka's tail. */
export const loadFundingState = async (from: {
  readonly database: Database
  readonly kafka: KafkaConnection
  readonly admin: Admin
}): Promise<FundingState> => {
  const { rows, position } = await loadState({ projections: [fundingTransfer, fundingHandle], ...from })
  return {
    // Each projection's rows are what it folded, under its own name.
    transfers: (rows.get(fundingTransfer.name) ?? new Map()) as Map<string, FundingTransfer>,
    handles: (rows.get(fundingHandle.name) ?? new Map()) as Map<string, FundingHandle>,
    position,
  }
}
