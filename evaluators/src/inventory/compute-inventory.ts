import { type Amount, amount } from "@landfall/domain/amount"
import { depositStanding } from "@landfall/domain/bridge-status"
import type { Timestamp } from "@landfall/domain/timestamp"
import {
  type Balance,
  type IntentInventory,
  inventorySnapshotId,
} from "@landfall/domain/topics/intent-inventory"

/** A deposit that the bridge reports; what else a row says has no part in an inventory. */
export interface ReportedDeposit {
  readonly asset_id: string
  readonly amount: Amount
  /** The bridge's own word. */
  readonly status: string
}

/** All that an inventory is computed from: what the verifier and the bridge said, and when they were asked. */
export interface InventoryFacts {
  readonly account_id: string
  readonly observed_at: Timestamp
  /** What the verifier holds, by asset; an asset that it was not asked about is no part of the inventory. */
  readonly spendable: ReadonlyMap<string, Amount>
  readonly deposits: ReadonlyArray<ReportedDeposit>
}

/** An inventory, or why there cannot be one. */
export type ComputedInventory =
  | {
      readonly ok: true
      readonly inventory: IntentInventory
      /** Assets of the bridge's rows that the verifier was not asked about, so that nothing is claimed of them. */
      readonly unlisted_assets: ReadonlyArray<string>
    }
  | { readonly ok: false; readonly problem: string }

const amount_max = 10n ** 78n - 1n

/**
 * The inventory of an account. Spendable is what the verifier holds and nothing else; what the bridge reports stands
 * beside it. No chain observation comes in: this file cannot even import one.
 */
export const computeInventory = (facts: InventoryFacts): ComputedInventory => {
  const pending = new Map<string, bigint>()
  const credited = new Map<string, bigint>()
  const unlisted = new Set<string>()
  for (const deposit of facts.deposits) {
    if (!facts.spendable.has(deposit.asset_id)) {
      unlisted.add(deposit.asset_id)
      continue
    }
    const standing = depositStanding(deposit.status)
    if (standing === "failed") continue
    const totals = standing === "credited" ? credited : pending
    const total = (totals.get(deposit.asset_id) ?? 0n) + deposit.amount
    if (total > amount_max)
      return {
        ok: false,
        problem: `the bridge's ${standing} deposits of ${deposit.asset_id} add up to more than 78 digits`,
      }
    totals.set(deposit.asset_id, total)
  }
  const balances = [...facts.spendable]
    .map(
      ([asset_id, spendable]): Balance => ({
        asset_id,
        spendable,
        pending_inbound: amount(pending.get(asset_id) ?? 0n),
        credited: amount(credited.get(asset_id) ?? 0n),
      }),
    )
    .sort((left, right) => (left.asset_id < right.asset_id ? -1 : 1))
  const { account_id, observed_at } = facts
  return {
    ok: true,
    inventory: {
      inventory_snapshot_id: inventorySnapshotId(account_id, observed_at),
      account_id,
      observed_at,
      balances,
    },
    unlisted_assets: [...unlisted].sort(),
  }
}

/** Whether two inventories say the same, apart from when. */
export const sameBalances = (left: IntentInventory, right: IntentInventory): boolean =>
  left.balances.length === right.balances.length &&
  left.balances.every((balance, index) => {
    const other = right.balances[index]
    return (
      other !== undefined &&
      balance.asset_id === other.asset_id &&
      balance.spendable === other.spendable &&
      balance.pending_inbound === other.pending_inbound &&
      balance.credited === other.credited
    )
  })
