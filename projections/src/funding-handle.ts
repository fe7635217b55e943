import { fields } from "@landfall/domain/column"
import { Uuid } from "@landfall/domain/deterministic-id"
import { Text } from "@landfall/domain/text"
import { Timestamp } from "@landfall/domain/timestamp"
import { Chain } from "@landfall/domain/topics/funding-observation"
import { type LiquidityAction, liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { Schema } from "effect"
import { defineProjection } from "./projection.ts"

/** A deposit address that the bridge issued to an account, and whether it is still to be watched. */
export const FundingHandle = Schema.Struct({
  account_id: Text,
  chain: Chain,
  asset_id: Text,
  funding_handle: Text,
  active: Schema.Boolean,
  /** The latest time it was issued and retired; null while that was never seen. */
  issued_at: Schema.NullOr(Timestamp),
  retired_at: Schema.NullOr(Timestamp),
  /** The action that decided `active`. */
  liquidity_action_id: Uuid,
  updated_at: Timestamp,
})
export type FundingHandle = typeof FundingHandle.Type

/** The row's key: one handle may serve several assets. */
export const fundingHandleKey = (
  handle: Pick<LiquidityAction, "account_id" | "chain" | "asset_id" | "funding_handle">,
): string => `${handle.account_id}:${handle.chain}:${handle.asset_id}:${handle.funding_handle ?? ""}`

/** The handle as one action alone tells it; null when the action is not about a handle. */
const told = (action: LiquidityAction): FundingHandle | null => {
  if (action.funding_handle === undefined) return null
  const issued = action.action === "deposit_handle_issued"
  if (!issued && action.action !== "deposit_handle_retired") return null
  return {
    account_id: action.account_id,
    chain: action.chain,
    asset_id: action.asset_id,
    funding_handle: action.funding_handle,
    active: issued,
    issued_at: issued ? action.occurred_at : null,
    retired_at: issued ? null : action.occurred_at,
    liquidity_action_id: action.liquidity_action_id,
    updated_at: action.occurred_at,
  }
}

/** Later time first; at the same instant retiring wins over issuing, then the greater id: the order of arrival is no part of it. */
const outranks = (left: FundingHandle, right: FundingHandle): boolean => {
  if (left.updated_at !== right.updated_at) return left.updated_at > right.updated_at
  if (left.active !== right.active) return right.active
  return left.liquidity_action_id > right.liquidity_action_id
}

/** The later of two instants, either of which may be unknown. */
const later = (left: Timestamp | null, right: Timestamp | null): Timestamp | null =>
  left === null || (right !== null && right > left) ? right : left

/** Which deposit addresses are active: the latest action about each decides. */
export const fundingHandle = defineProjection<FundingHandle, LiquidityAction>({
  name: "funding_handle",
  list: "funding-handles",
  version: 1,
  topic: liquidityActionTopic,
  key: fundingHandleKey,
  keyColumns: ["account_id", "chain", "asset_id", "funding_handle"],
  findBy: ["funding_handle"],
  evolve: (row, action) => {
    const news = told(action)
    if (row === null || news === null) return row ?? news
    const issued_at = later(row.issued_at, news.issued_at)
    const retired_at = later(row.retired_at, news.retired_at)
    if (outranks(news, row)) return { ...news, issued_at, retired_at }
    // Older news may still be the first that tells when the handle was issued or retired.
    if (issued_at === row.issued_at && retired_at === row.retired_at) return row
    return { ...row, issued_at, retired_at }
  },
  row: FundingHandle,
  columns: fields<FundingHandle>({
    account_id: "text",
    chain: "text",
    asset_id: "text",
    funding_handle: "text",
    active: "boolean",
    issued_at: "timestamptz",
    retired_at: "timestamptz",
    liquidity_action_id: "uuid",
    updated_at: "timestamptz",
  }),
})
