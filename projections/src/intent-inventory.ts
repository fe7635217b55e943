import { fields } from "@landfall/domain/column"
import { IntentInventory, intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { defineProjection } from "./projection.ts"

/**
 * Latest inventory of each account, exactly as the verifier and the bridge gave it: nothing is added up here,
 * so nothing that a chain observer says can make funds look spendable.
 */
export const intentInventory = defineProjection<IntentInventory, IntentInventory>({
  name: "intent_inventory",
  list: "inventories",
  version: 1,
  topic: intentInventoryTopic,
  key: (inventory) => inventory.account_id,
  keyColumns: ["account_id"],
  evolve: (row, inventory) => {
    if (row === null || inventory.observed_at > row.observed_at) return inventory
    if (inventory.observed_at < row.observed_at) return row
    return inventory.inventory_snapshot_id > row.inventory_snapshot_id ? inventory : row
  },
  row: IntentInventory,
  columns: fields<IntentInventory>({
    inventory_snapshot_id: "uuid",
    account_id: "text",
    observed_at: "timestamptz",
    balances: "json",
  }),
})
