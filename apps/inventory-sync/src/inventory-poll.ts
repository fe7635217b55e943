import type { Bridge } from "@landfall/adapters/bridge/bridge"
import { messageOf, type Source } from "@landfall/adapters/polling/source"
import type { BlockWatch } from "@landfall/adapters/verifier/block-watch"
import type { Verifier, VerifierBalances } from "@landfall/adapters/verifier/verifier"
import type { Amount } from "@landfall/domain/amount"
import type { Timestamp } from "@landfall/domain/timestamp"
import type { IntentInventory } from "@landfall/domain/topics/intent-inventory"
import { computeInventory, type ReportedDeposit } from "@landfall/evaluators/inventory/compute-inventory"
import type { InventoryAsset } from "./settings.ts"

/** What the bridge reports of the account, on all its chains. */
export interface BridgeReport {
  readonly deposits: ReadonlyArray<ReportedDeposit>
  /** Rows that could not be read, and why. */
  readonly problems: ReadonlyArray<string>
}

export interface InventoryPollOptions {
  readonly account_id: string
  readonly assets: ReadonlyArray<InventoryAsset>
  readonly verifier: Verifier
  readonly bridge: Bridge
  readonly blocks: BlockWatch
  readonly now: () => number
  readonly sources: {
    readonly verifier: Source<VerifierBalances>
    readonly bridge: Source<BridgeReport>
  }
  /** Told of assets that the bridge reports and the verifier was not asked about. */
  readonly onUnlisted?: (assets: ReadonlyArray<string>) => void
}

/** Verifier or bridge gave nothing that may be published. */
export class InventoryUnknown extends Error {
  readonly _tag = "InventoryUnknown"
}

/**
 * A poll of verifier and bridge: one inventory, of the instant at which they were asked. Without both answers there is
 * none: what is not known is never a zero.
 */
export const inventoryPoll = (options: InventoryPollOptions) => {
  const { account_id, assets, verifier, bridge, sources } = options
  const tokens = [...new Set(assets.map(({ token_id }) => token_id))]
  const bridgeChains = [...new Set(assets.map(({ bridge_chain }) => bridge_chain))]

  const askVerifier = async (signal: AbortSignal): Promise<VerifierBalances> => {
    const held = await verifier.balances(account_id, tokens, { signal })
    options.blocks.check(held.block_height, options.now())
    return held
  }

  const askBridge = async (signal: AbortSignal): Promise<BridgeReport> => {
    const reports = await Promise.all(
      bridgeChains.map((chain) => bridge.recentDeposits(account_id, chain, { signal })),
    )
    return {
      deposits: reports.flatMap(({ rows }) =>
        rows.map(({ asset_id, amount, status }) => ({ asset_id, amount, status })),
      ),
      problems: reports.flatMap(({ problems }) => problems),
    }
  }

  return async (observed_at: Timestamp, signal: AbortSignal): Promise<ReadonlyArray<IntentInventory>> => {
    const [held, reported] = await Promise.allSettled([
      sources.verifier.ask(() => askVerifier(signal), signal),
      sources.bridge.ask(() => askBridge(signal), signal),
    ])
    if (held.status === "rejected" || reported.status === "rejected") {
      const failed = [held, reported].filter((answer) => answer.status === "rejected")
      throw new InventoryUnknown(failed.map(({ reason }) => messageOf(reason)).join("; "), {
        cause: failed[0]?.reason,
      })
    }
    const spendable = new Map<string, Amount>()
    for (const { asset_id, token_id } of assets) {
      const balance = held.value.balances.get(token_id)
      if (balance === undefined) throw new InventoryUnknown(`verifier: no balance of ${token_id} came`)
      spendable.set(asset_id, balance)
    }
    const { deposits } = reported.value
    const computed = computeInventory({ account_id, observed_at, spendable, deposits })
    if (!computed.ok) throw new InventoryUnknown(computed.problem)
    options.onUnlisted?.(computed.unlisted_assets)
    return [computed.inventory]
  }
}
