import { LosslessNumber, parse } from "lossless-json"
import { limits } from "../config/limits.ts"

/**
 * A JSON number without loss: a `number` when that is exact, a `bigint` for whole numbers beyond 2^53
 * (`1e21` and `10.0` are whole), and else a `LosslessNumber` that keeps the digits as text.
 */
export type ExactNumber = number | bigint | LosslessNumber

/** Reads the text of a JSON number without loss. */
export const exactNumber = (text: string): ExactNumber => {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,5}))?$/.exec(text)
  if (parts === null || text.length > limits.client.number_digits_max) return new LosslessNumber(text)
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts
  const shift = Number(exponent) - fraction.length
  const digits = `${whole}${fraction}`.replace(/^0+(?=\d)/, "")
  if (digits === "0") return 0
  if (shift >= 0 && digits.length + shift <= limits.client.number_digits_max) {
    const units = BigInt(`${sign}${digits}${"0".repeat(shift)}`)
    return Number.isSafeInteger(Number(units)) ? Number(units) : units
  }
  const zeros = /0+$/.exec(digits)?.[0].length ?? 0
  if (shift < 0 && zeros >= -shift) return exactNumber(`${sign}${digits.slice(0, digits.length + shift)}`)
  // Every decimal of at most 15 significant digits comes back unchanged from a double of normal size.
  const significant = digits.length - zeros
  return significant <= 15 && Math.abs(Number(exponent)) < 290 ? Number(text) : new LosslessNumber(text)
}

/** Parses JSON without losing a digit. Throws a SyntaxError for what is not JSON, and for contradicting keys. */
export const parseExactJson = (text: string): unknown => parse(text, null, { parseNumber: exactNumber })

/** The deepest nesting of arrays and objects in a JSON text, read without parsing and so without recursion. */
export const jsonDepth = (text: string): number => {
  let depth = 0
  let deepest = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (quoted) {
      if (code === 0x5c) at++
      else if (code === 0x22) quoted = false
    } else if (code === 0x22) quoted = true
    else if (code === 0x5b || code === 0x7b) {
      depth++
      if (depth > deepest) deepest = depth
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return deepest
}
