import { type Amount, amount } from "@landfall/domain/amount"
import type { Chain } from "@landfall/domain/topics/funding-observation"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import { Result, Schema } from "effect"
import { plain } from "./bridge-rpc.ts"

/** An asset as the bridge names it, and as the desk does. */
export interface BridgeAsset {
  readonly asset_id: string
  readonly chain: Chain
  /** The bridge's word for the chain: `btc:mainnet`, `eth:100`. */
  readonly bridge_chain: string
  /** `btc:mainnet:native`, `eth:100:0x420c…`. */
  readonly defuse_asset_identifier: string
}

// Everything but the amount and the account may be missing or empty.
const Row = Schema.Struct({
  account_id: Schema.String,
  amount: Schema.Union([Schema.BigInt, Schema.Number, Schema.String]),
  tx_hash: Schema.optionalKey(Schema.NullOr(Schema.String)),
  address: Schema.optionalKey(Schema.NullOr(Schema.String)),
  chain: Schema.optionalKey(Schema.String),
  defuse_asset_identifier: Schema.optionalKey(Schema.NullOr(Schema.String)),
  status: Schema.optionalKey(Schema.NullOr(Schema.String)),
  created_at: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Number]))),
})
const decodeRow = Schema.decodeUnknownResult(Row)

/** An amount of base units from an exact JSON number or a text of digits; null for anything else. */
export const baseUnits = (given: bigint | number | string): Amount | null => {
  if (typeof given === "number" && !Number.isSafeInteger(given)) return null
  const digits = String(given)
  return /^\d{1,78}$/.test(digits) ? amount(BigInt(digits)) : null
}

const filled = (text: string | null | undefined): string | null => {
  const line = plain(text ?? "").trim()
  return line === "" ? null : line
}

const instant_ms = (given: string | number | null | undefined): number | undefined => {
  if (given === null || given === undefined) return undefined
  // Seconds or milliseconds since the epoch; the former pass 10^11 in the year 5138.
  const at_ms = typeof given === "string" ? Date.parse(given) : given < 1e11 ? given * 1000 : given
  return Number.isFinite(at_ms) ? at_ms : undefined
}

/** What the bridge says when it names no status; shown as it stands. */
const noStatus = "(none)"

/** Reads one row of `recent_deposits`, or says why it cannot be one. Unknown statuses and assets are kept as they are. */
export const readDepositRow = (
  given: unknown,
  asked: { readonly account_id: string; readonly chain: Chain; readonly bridge_chain: string },
  assets: ReadonlyArray<BridgeAsset>,
): { readonly row: BridgeDeposit } | { readonly problem: string } => {
  const result = decodeRow(given)
  if (Result.isFailure(result))
    return { problem: result.failure.message.replaceAll(/\s+/g, " ").slice(0, 200) }
  const { success: wire } = result
  const units = baseUnits(wire.amount)
  if (units === null) return { problem: `${plain(String(wire.amount), 90)} is no whole amount of base units` }
  if (wire.account_id !== asked.account_id)
    return { problem: `the account ${plain(wire.account_id, 90)} was not asked about` }
  if (wire.chain !== undefined && wire.chain !== asked.bridge_chain)
    return { problem: `the chain ${plain(wire.chain, 90)} was not asked about` }
  const ofChain = assets.filter((asset) => asset.bridge_chain === asked.bridge_chain)
  const name = filled(wire.defuse_asset_identifier)
  const asset =
    name === null
      ? ofChain[0]
      : ofChain.find((known) => known.defuse_asset_identifier.toLowerCase() === name.toLowerCase())
  const created_at_ms = instant_ms(wire.created_at)
  return {
    row: {
      account_id: wire.account_id,
      chain: asked.chain,
      asset_id: asset?.asset_id ?? name ?? asked.bridge_chain,
      address: filled(wire.address),
      amount: units,
      tx_hash: filled(wire.tx_hash),
      status: filled(wire.status) ?? noStatus,
      ...(created_at_ms === undefined ? {} : { created_at_ms }),
    },
  }
}
