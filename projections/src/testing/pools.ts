import { timestamp } from "@landfall/domain/timestamp"
import type { Chain } from "@landfall/domain/topics/funding-observation"
import fc from "fast-check"

/** The instant that generated histories begin at. */
export const storyStart_ms = Date.UTC(2026, 0, 1)

/** The canonical time that many seconds into the story. */
export const storyTime = (seconds: number) => timestamp(storyStart_ms + seconds * 1000)

/** A time within a few seconds, so that equal and out-of-order times are common. */
export const nearbyTime = fc.nat({ max: 20 }).map(storyTime)

export const account = fc.constantFrom("desk.near", "vault.near")
export const pair = fc.constantFrom("BTC/EURe", "EURe/BTC")

/** A deposit address and what it is for. */
export interface Handle {
  readonly account_id: string
  readonly chain: Chain
  readonly asset_id: string
  readonly funding_handle: string
}

/** Few handles, so that addresses are reused; one of them serves two assets. */
export const handles: ReadonlyArray<Handle> = [
  { account_id: "desk.near", chain: "bitcoin", asset_id: "btc", funding_handle: "bcrt1qdesk" },
  { account_id: "vault.near", chain: "bitcoin", asset_id: "btc", funding_handle: "bcrt1qvault" },
  {
    account_id: "desk.near",
    chain: "gnosis",
    asset_id: "eure",
    funding_handle: "0x00000000000000000000000000000000000000d1",
  },
  {
    account_id: "desk.near",
    chain: "gnosis",
    asset_id: "usdc",
    funding_handle: "0x00000000000000000000000000000000000000d1",
  },
]

export const handle = fc.constantFrom(...handles)

/** A made-up hash, the same for the same number, in the form of its chain. */
export const hashOf = (chain: Chain, seed: number): string => {
  const digits = seed.toString(16).padStart(8, "0").repeat(8)
  return chain === "bitcoin" ? digits : `0x${digits}`
}

/** Base units from dust to more than 2^53. */
export const units = fc.oneof(fc.bigInt(0n, 1000n), fc.bigInt(0n, 10n ** 24n))
