import { Schema } from "effect"
import { isPlain, textLengthMax } from "./text.ts"

/** Deepest nesting of free-form JSON, far below where recursion over it could exhaust a stack. */
export const jsonDepthMax = 32

/** Names that a program would mistake for the prototype of an object. */
const unsafeName = "__proto__"

const isStorable = (value: unknown, depth: number): boolean => {
  if (typeof value === "string") return isPlain(value)
  if (typeof value !== "object" || value === null) return true
  if (depth === 0) return false
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth - 1))
  return Object.entries(value).every(([name, item]) => isFieldName(name) && isStorable(item, depth - 1))
}

const isFieldName = (name: string): boolean =>
  name !== unsafeName && name.length <= textLengthMax && isPlain(name)

/**
 * Fails a record that has a field name which is unsafe or does not print on one line. A check on the whole, because
 * a record schema silently drops a field whose name its key schema refuses.
 */
export const hasFieldNames = Schema.makeFilter(
  (record: { readonly [name: string]: unknown }) =>
    Object.keys(record).every(isFieldName) || "expected field names of one printable line",
)

/** Any JSON value, at most 32 levels deep, whose texts PostgreSQL and a terminal can hold. */
export const FreeJson = Schema.Json.check(
  Schema.makeFilter(
    (value: Schema.Json) =>
      isStorable(value, jsonDepthMax) ||
      `expected JSON of at most ${jsonDepthMax} levels with one-line texts and safe names`,
  ),
)
