import type { Amount } from "@landfall/domain/amount"
import type { Chain } from "@landfall/domain/topics/funding-observation"

/** From this amount on, this many confirmations make a deposit `confirmed`. */
export interface ConfirmationTier {
  readonly from_amount: Amount
  readonly confirmations: number
}

/** What the desk asks of deposits in one asset. */
export interface AssetPolicy {
  readonly asset_id: string
  readonly chain: Chain
  /** The tier with the highest `from_amount` that the amount reaches applies; the first when it reaches none. */
  readonly confirmations: readonly [ConfirmationTier, ...ConfirmationTier[]]
  /** The bridge does not credit less than this. */
  readonly min_deposit_amount: Amount
}

export interface FundingPolicy {
  readonly assets: ReadonlyArray<AssetPolicy>
  /** A bridge row and a deposit with other hashes can belong together only this close in time. */
  readonly match_window_ms: number
}

/** Chains whose nodes name the blocks that stay; on the others depth is all there is to go by. */
export const chainsWithFinality: ReadonlySet<Chain> = new Set(["gnosis"])

/** The wallet calls a coinbase `immature` up to its 100th confirmation. */
export const coinbaseConfirmations = 101

/** The policy of an asset on a chain, or undefined for one that the desk does not trade. */
export const assetPolicy = (policy: FundingPolicy, chain: Chain, asset_id: string): AssetPolicy | undefined =>
  policy.assets.find((asset) => asset.chain === chain && asset.asset_id === asset_id)

/** How many confirmations an amount needs. */
export const confirmationsRequired = (asset: AssetPolicy, amount: bigint, coinbase: boolean): number => {
  let tier = asset.confirmations[0]
  for (const other of asset.confirmations)
    if (amount >= other.from_amount && other.from_amount >= tier.from_amount) tier = other
  return coinbase ? Math.max(tier.confirmations, coinbaseConfirmations) : tier.confirmations
}

/** The most confirmations that a chain's policy asks for; observers must look back at least this far. */
export const confirmationsMax = (policy: FundingPolicy, chain: Chain): number =>
  Math.max(
    1,
    ...policy.assets
      .filter((asset) => asset.chain === chain)
      .flatMap((asset) => asset.confirmations.map((tier) => tier.confirmations)),
  )
