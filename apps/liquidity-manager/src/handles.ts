import type { WatchedAddress } from "@landfall/adapters/chain/watch-wallet"
import { type Timestamp, timestamp } from "@landfall/domain/timestamp"
import type { Chain } from "@landfall/domain/topics/funding-observation"
import { handleActionId, type LiquidityAction } from "@landfall/domain/topics/liquidity-action"
import { type FundingHandle, fundingHandleKey } from "@landfall/projections/funding-handle"

/** A deposit address that the configuration or the bridge names. */
export interface NamedHandle {
  readonly account_id: string
  readonly asset_id: string
  readonly chain: Chain
  readonly funding_handle: string
}

/**
 * The actions that make named addresses active: one for each that was never recorded. An address that someone retired
 * stays retired, though the bridge goes on naming it.
 */
export const newHandles = (
  recorded: ReadonlyMap<string, FundingHandle>,
  named: Iterable<NamedHandle>,
  now_ms: number,
): ReadonlyArray<LiquidityAction> => {
  const occurred_at: Timestamp = timestamp(now_ms)
  const actions = new Map<string, LiquidityAction>()
  for (const { account_id, asset_id, chain, funding_handle } of named) {
    const handle = { account_id, asset_id, chain, funding_handle }
    const key = fundingHandleKey(handle)
    if (recorded.has(key) || actions.has(key)) continue
    actions.set(key, {
      liquidity_action_id: handleActionId("deposit_handle_issued", handle, occurred_at),
      action: "deposit_handle_issued",
      ...handle,
      occurred_at,
    })
  }
  return [...actions.values()]
}

/** All handles, and the addresses to watch on each chain; retired ones can still receive. */
export interface HandleLists {
  readonly of: ReadonlyMap<string, FundingHandle>
  readonly all: ReadonlyArray<FundingHandle>
  readonly watched: ReadonlyMap<Chain, ReadonlyArray<WatchedAddress>>
}

/** Lists the recorded handles. */
export const listHandles = (recorded: ReadonlyMap<string, FundingHandle>): HandleLists => {
  const all = [...recorded.values()]
  const watched = new Map<Chain, WatchedAddress[]>()
  for (const { chain, funding_handle, issued_at } of all) {
    const addresses = watched.get(chain) ?? []
    addresses.push({
      address: funding_handle,
      issued_at_ms: issued_at === null ? null : Date.parse(issued_at),
    })
    watched.set(chain, addresses)
  }
  return { of: recorded, all, watched }
}
