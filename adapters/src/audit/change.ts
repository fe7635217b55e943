import type { AnyProjection } from "@landfall/projections/registry"
import { rowEncoder, type SqlRow } from "@landfall/projections/row-codec"

/** One field of a row before and after; null where the row, or the field, was not there. */
export interface FieldChange {
  readonly field: string
  readonly before: unknown
  readonly after: unknown
}

/** What one event made of one row. */
export interface RowChange {
  readonly projection: string
  readonly key: string
  /** `nothing`: a duplicate, or older news. */
  readonly change: "added" | "changed" | "nothing"
  /** The fields that differ; of a row that was added, all that have a value. */
  readonly fields: ReadonlyArray<FieldChange>
}

/** Compares a row before and after an event, field by field, as their tables would show them. */
export const rowChange = (projection: AnyProjection) => {
  const encode = rowEncoder(projection)
  return (key: string, before: unknown, after: unknown): RowChange => {
    const named = { projection: projection.name, key }
    if (after === null || after === before) return { ...named, change: "nothing", fields: [] }
    const fields = fieldChanges(before === null ? {} : encode(before), encode(after))
    if (before === null) return { ...named, change: "added", fields }
    return { ...named, change: fields.length === 0 ? "nothing" : "changed", fields }
  }
}

/** The fields in which two rows differ, in the order of the columns. */
const fieldChanges = (before: SqlRow, after: SqlRow): ReadonlyArray<FieldChange> =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field) => {
    const [from, to] = [before[field] ?? null, after[field] ?? null]
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ field, before: from, after: to }]
  })
