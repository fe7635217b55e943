import { Schema } from "effect"
import { Amount } from "../amount.ts"
import { fields } from "../column.ts"
import { deterministicId, Uuid } from "../deterministic-id.ts"
import { Text } from "../text.ts"
import { Timestamp } from "../timestamp.ts"
import { defineTopic } from "../topic.ts"
import { Chain } from "./funding-observation.ts"

/** What happened around an account's liquidity: handles issued and retired, withdrawals as they were seen. */
export const LiquidityAction = Schema.Struct({
  liquidity_action_id: Uuid,
  account_id: Text,
  action: Schema.Literals([
    "deposit_handle_issued",
    "deposit_handle_retired",
    "withdrawal_requested",
    "withdrawal_settled",
    "withdrawal_failed",
  ]),
  asset_id: Text,
  chain: Chain,
  funding_handle: Schema.optionalKey(Text),
  amount: Schema.optionalKey(Amount),
  tx_hash: Schema.optionalKey(Text),
  occurred_at: Timestamp,
}).check(
  Schema.makeFilter(
    (seen) =>
      !seen.action.startsWith("deposit_handle_") ||
      seen.funding_handle !== undefined ||
      `${seen.action} needs funding_handle`,
  ),
)
export type LiquidityAction = typeof LiquidityAction.Type

/** A handle is issued or retired once at an instant; issued again later it is another action. */
export const handleActionId = (
  action: "deposit_handle_issued" | "deposit_handle_retired",
  handle: {
    readonly account_id: string
    readonly chain: Chain
    readonly asset_id: string
    readonly funding_handle: string
  },
  occurredAt: Timestamp,
): string =>
  deterministicId(
    "liquidity_action",
    action,
    handle.account_id,
    handle.chain,
    handle.asset_id,
    handle.funding_handle,
    occurredAt,
  )

export const liquidityActionTopic = defineTopic<LiquidityAction>({
  name: "ops.liquidity_action",
  schema: LiquidityAction,
  key: (seen) => seen.account_id,
  id: "liquidity_action_id",
  occurredAt: (seen) => seen.occurred_at,
  evidenceTable: "liquidity_actions",
  columns: fields<LiquidityAction>({
    account_id: "text",
    action: "text",
    asset_id: "text",
    chain: "text",
    funding_handle: "text",
    amount: "numeric",
    tx_hash: "text",
    occurred_at: "timestamptz",
  }),
})
