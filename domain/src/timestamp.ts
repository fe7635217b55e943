import { Schema } from "effect"

// The year 0000 is no year to PostgreSQL.
const shape =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** Days 29 to 31 are the only ones a month can lack, so only they are held against the calendar. */
const isCanonical = (text: string): boolean => {
  if (!shape.test(text)) return false
  const day = text.charCodeAt(8) * 10 + text.charCodeAt(9) - 528
  return day <= 28 || new Date(Date.parse(text)).toISOString() === text
}

/** An instant on the wire: RFC 3339 in UTC with exactly three decimals, such as `2026-11-23T09:30:00.000Z`. */
export const Timestamp = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      isCanonical(text) || `expected an RFC 3339 UTC time with milliseconds, got ${JSON.stringify(text)}`,
  ),
)
export type Timestamp = typeof Timestamp.Type

/** Milliseconds since the epoch of a canonical timestamp. */
export const epochMs = (at: Timestamp): number => Date.parse(at)

/** The canonical timestamp of an instant given in milliseconds since the epoch; a RangeError outside the years 1 to 9999. */
export const timestamp = (at_ms: number): Timestamp => {
  const text = new Date(at_ms).toISOString()
  if (!shape.test(text)) throw new RangeError(`not an instant of the years 1 to 9999: ${at_ms} ms`)
  return text
}
