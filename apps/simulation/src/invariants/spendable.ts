import { epochMs } from "@landfall/domain/timestamp"
import { type IntentInventory, intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { clockError_ms } from "./clocks.ts"
import type { Invariant } from "./invariant.ts"
import { recordsOf } from "./records.ts"

/** An inventory shows as spendable what the verifier held then, which is what the bridge had credited, and no more. */
export const spendable: Invariant = function* ({ kafka, bridge, plan }) {
  for (const { record } of recordsOf<IntentInventory>(kafka, intentInventoryTopic)) {
    const at_ms = epochMs(record.observed_at)
    const error_ms = plan.clocks === null ? 0 : clockError_ms
    const latest = bridge.balances.findLastIndex((balance) => balance.at_ms < at_ms - error_ms)
    const held = bridge.balances
      .slice(Math.max(0, latest))
      .filter((balance) => balance.at_ms <= at_ms + error_ms)
    for (const balance of record.balances)
      if (
        !held.some(
          ({ of }) =>
            of.get(balance.asset_id) === balance.spendable && balance.spendable === balance.credited,
        )
      )
        yield `at ${record.observed_at} ${balance.spendable} ${balance.asset_id} were shown as spendable and ${balance.credited} as credited; the verifier held ${held.at(-1)?.of.get(balance.asset_id)}`
  }
}
