import type { BridgeAsset } from "@landfall/adapters/bridge/deposit-row"
import { eureV1Problem, namesEureV1 } from "@landfall/adapters/chain/evm-eure"
import { jsonFile } from "@landfall/adapters/config/kinds"
import { Amount, amount } from "@landfall/domain/amount"
import { Text } from "@landfall/domain/text"
import { Chain } from "@landfall/domain/topics/funding-observation"
import { Schema } from "effect"

const Tier = Schema.Struct({
  /** Base units. */
  from_amount: Amount,
  confirmations: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })),
})

const Asset = Schema.Struct({
  asset_id: Text,
  chain: Chain,
  /** The bridge's words for the chain and the asset. */
  bridge_chain: Text,
  defuse_asset_identifier: Text,
  confirmations: Schema.NonEmptyArray(Tier),
  /** Used until the bridge has said what it takes. */
  min_deposit_amount: Amount,
})

/** What the desk trades, how sure it wants to be, and deposit addresses that no one needs to ask the bridge for. */
export const FundingConfig = Schema.Struct({
  assets: Schema.NonEmptyArray(Asset),
  /** How far apart a deposit and a bridge row with another hash may be. */
  match_window_ms: Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 31_536_000_000 })),
  handles: Schema.Array(
    Schema.Struct({ account_id: Text, asset_id: Text, chain: Chain, funding_handle: Text }),
  ),
})
export type FundingConfig = typeof FundingConfig.Type

/** The path of a funding configuration. */
export const fundingFile = jsonFile(FundingConfig, {
  accepted: "the desk's assets, their confirmations and its fixed deposit addresses",
  example: "/etc/landfall/funding.json",
})

const hours_ms = 3_600_000

/** The desk as it is: BTC on Bitcoin and EURe on Gnosis. */
export const deskConfig: FundingConfig = {
  assets: [
    {
      asset_id: "BTC",
      chain: "bitcoin",
      bridge_chain: "btc:mainnet",
      defuse_asset_identifier: "btc:mainnet:native",
      confirmations: [
        { from_amount: amount(0n), confirmations: 2 },
        { from_amount: amount(100_000_000n), confirmations: 3 },
        { from_amount: amount(1_000_000_000n), confirmations: 6 },
      ],
      min_deposit_amount: amount(7_000n),
    },
    {
      asset_id: "EURe",
      chain: "gnosis",
      bridge_chain: "eth:100",
      defuse_asset_identifier: "eth:100:0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430",
      // Gnosis has finality; the observer's word for it counts, not a number of blocks.
      confirmations: [{ from_amount: amount(0n), confirmations: 1 }],
      min_deposit_amount: amount(10n ** 18n),
    },
  ],
  match_window_ms: 72 * hours_ms,
  handles: [],
}

const duplicates = (keys: ReadonlyArray<string>): ReadonlyArray<string> =>
  keys.filter((key, index) => keys.indexOf(key) !== index)

/** What is wrong with a configuration though each of its fields is right. */
export const configProblems = (config: FundingConfig): ReadonlyArray<string> => [
  ...duplicates(config.assets.map((asset) => `${asset.asset_id} on ${asset.chain}`)).map(
    (name) => `FUNDING_FILE: assets has ${name} twice`,
  ),
  ...config.assets.flatMap((asset) =>
    (["asset_id", "bridge_chain", "defuse_asset_identifier"] as const)
      .filter((field) => namesEureV1(asset[field]))
      .map((field) => `FUNDING_FILE: the ${field} ${asset[field]} cannot be used: ${eureV1Problem}`),
  ),
  ...config.handles
    .filter(
      ({ asset_id, chain }) =>
        !config.assets.some((asset) => asset.asset_id === asset_id && asset.chain === chain),
    )
    .map(
      ({ funding_handle, asset_id, chain }) =>
        `FUNDING_FILE: the handle ${funding_handle} is for ${asset_id} on ${chain}, which is not among the assets`,
    ),
]

/** The assets as the bridge client needs them. */
export const bridgeAssets = (config: FundingConfig): ReadonlyArray<BridgeAsset> =>
  config.assets.map(({ asset_id, chain, bridge_chain, defuse_asset_identifier }) => ({
    asset_id,
    chain,
    bridge_chain,
    defuse_asset_identifier,
  }))
