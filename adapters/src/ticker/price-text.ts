import { DecimalString } from "@landfall/domain/text"
import { Schema } from "effect"
import { limits } from "../config/limits.ts"

const isCanonical = Schema.is(DecimalString)

/**
 * The canonical form of a price as text, digit for digit: `060000.10` gives `60000.1`. Null for what is no positive
 * plain decimal; numbers, exponents and signs are not read, because what wrote them may have rounded.
 */
export const canonicalPrice = (text: string): string | null => {
  if (text.length > limits.client.number_digits_max) return null
  const parts = /^(\d+)(?:\.(\d+))?$/.exec(text)
  if (parts === null) return null
  const whole = (parts[1] ?? "").replace(/^0+(?=\d)/, "")
  const fraction = (parts[2] ?? "").replace(/0+$/, "")
  const canonical = fraction === "" ? whole : `${whole}.${fraction}`
  return isCanonical(canonical) ? canonical : null
}
