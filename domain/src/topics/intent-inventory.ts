import { Schema } from "effect"
import { Amount } from "../amount.ts"
import { fields } from "../column.ts"
import { deterministicId, Uuid } from "../deterministic-id.ts"
import { Text } from "../text.ts"
import { Timestamp } from "../timestamp.ts"
import { defineTopic } from "../topic.ts"

/** One asset of an account. Only what the verifier holds is spendable. */
export const Balance = Schema.Struct({
  asset_id: Text,
  spendable: Amount,
  /** Deposits that the bridge reports and has not credited. */
  pending_inbound: Amount,
  /** Deposits that the bridge has credited. */
  credited: Amount,
})
export type Balance = typeof Balance.Type

/** What an account holds, as the verifier and the bridge say; no chain observation has a part in it. */
export const IntentInventory = Schema.Struct({
  inventory_snapshot_id: Uuid,
  account_id: Text,
  observed_at: Timestamp,
  balances: Schema.Array(Balance).check(Schema.isMaxLength(1000)),
})
export type IntentInventory = typeof IntentInventory.Type

export const inventorySnapshotId = (accountId: string, observedAt: Timestamp): string =>
  deterministicId("intent_inventory", accountId, observedAt)

export const intentInventoryTopic = defineTopic<IntentInventory>({
  name: "state.intent_inventory",
  schema: IntentInventory,
  key: (inventory) => inventory.account_id,
  id: "inventory_snapshot_id",
  occurredAt: (inventory) => inventory.observed_at,
  evidenceTable: "intent_inventories",
  columns: fields<IntentInventory>({ account_id: "text", observed_at: "timestamptz" }),
})
