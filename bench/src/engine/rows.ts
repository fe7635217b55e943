import { createHash } from "node:crypto"

/** What is folded: rows by key, as JSON objects. */
type JsonRow = { readonly [field: string]: unknown }

/** JSON with the fields in one order, without those that a store adds of its own (they begin with `_`). */
const canonical = (value: unknown): unknown => {
  if (typeof value === "bigint") return value.toString()
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, field]) => !name.startsWith("_") && field !== undefined)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, field]) => [name, canonical(field)]),
  )
}

/** One word for all rows, whatever their order and that of their fields: equal states have equal words. */
export const digestOf = (rows: Iterable<JsonRow>): string => {
  const hashes = Array.from(rows, (row) =>
    createHash("sha256")
      .update(JSON.stringify(canonical(row)))
      .digest("hex"),
  )
  return createHash("sha256").update(hashes.toSorted().join("\n")).digest("hex")
}
