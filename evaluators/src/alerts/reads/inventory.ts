import { intentInventory } from "@landfall/projections/intent-inventory"
import { clampInstants, defineReads } from "../define-rule.ts"

/** The newest snapshot of each account. */
export const newestInventory = defineReads({
  projection: intentInventory,
  clampEvent: (inventory, latest) => clampInstants(inventory, ["observed_at"], latest),
  clampRow: (inventory, latest) => clampInstants(inventory, ["observed_at"], latest),
  events: (inventory) => [inventory.inventory_snapshot_id],
})
