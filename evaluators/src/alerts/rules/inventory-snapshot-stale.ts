import { epochMs } from "@landfall/domain/timestamp"
import { Schema } from "effect"
import { defineRule, spoken, WindowMs } from "../define-rule.ts"
import { newestInventory } from "../reads/inventory.ts"

/** What an account holds is too old to trust: the verifier does not answer, or inventory-sync is down or paused. */
export const inventorySnapshotStale = defineRule({
  code: "inventory_snapshot_stale",
  severity: "critical",
  scope: "inventory-sync",
  reads: newestInventory,
  policy: Schema.Struct({ max_age_ms: WindowMs }),
  subject: () => ({}),
  breach: (inventory, { max_age_ms }) => ({
    from: epochMs(inventory.observed_at) + max_age_ms,
    window_ms: max_age_ms,
    reason: `no snapshot newer than ${inventory.observed_at}: older than ${spoken(max_age_ms)}`,
  }),
  recovered: (inventory) => `a snapshot of ${inventory.observed_at} came`,
  facts: ({ observed_at, balances }) => ({ observed_at, assets: balances.length }),
  ahead: "ok",
  clears: "after_quiet",
  yields_to: [],
  expects: {
    kind: "accounts",
    subject: () => ({}),
    absent: (since_ms, { max_age_ms }) => ({
      from: since_ms + max_age_ms,
      window_ms: max_age_ms,
      reason: "never_observed",
    }),
  },
})
