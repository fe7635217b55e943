import type { Chain } from "@landfall/domain/topics/funding-observation"

/** What people call the money of a chain, and its decimals: on Gnosis only EURe is watched. */
const money: Readonly<Record<Chain, { readonly name: string; readonly decimals: number }>> = {
  bitcoin: { name: "BTC", decimals: 8 },
  gnosis: { name: "EURe", decimals: 18 },
}

/** An amount of base units as people read it, exact and without needless zeros: `0.5 BTC`. */
export const humanAmount = (units: bigint, chain: Chain): string => {
  const { name, decimals } = money[chain]
  const digits = units.toString().padStart(decimals + 1, "0")
  const fraction = digits.slice(-decimals).replace(/0+$/, "")
  return `${digits.slice(0, -decimals)}${fraction === "" ? "" : `.${fraction}`} ${name}`
}
