import { type Amount, amount } from "@landfall/domain/amount"

const decimal = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/
const satoshiDigits = 8

/**
 * Satoshi from a number of bitcoin as `bitcoin-core` gives it: a string when it has more than 15 characters, else a
 * JavaScript number, whose shortest text is exact then. Only digits are moved; nothing is multiplied. Null when it is
 * negative, has parts of a satoshi, or is no number.
 */
export const satoshi = (bitcoin: string | number): Amount | null => {
  const parts = decimal.exec(String(bitcoin))
  if (parts === null) return null
  const [, whole = "", fraction = "", exponent = "0"] = parts
  const shift = satoshiDigits + Number(exponent) - fraction.length
  const digits = `${whole}${fraction}`
  if (shift >= 0) {
    const units = `${digits}${"0".repeat(shift)}`.replace(/^0+(?=\d)/, "")
    return units.length > 20 ? null : amount(BigInt(units))
  }
  const kept = digits.slice(0, shift) || "0"
  return /^0*$/.test(digits.slice(shift)) && kept.length <= 20 ? amount(BigInt(kept)) : null
}
