import { toJson } from "@landfall/domain/codec"
import type { ColumnType } from "@landfall/domain/column"
import { Schema, SchemaAST } from "effect"
import type { Projection } from "./projection.ts"

/** A row as SQL gives it: column name to text, number, boolean, parsed JSON or null. */
export type SqlRow = { readonly [column: string]: unknown }

/** The value as PostgreSQL would give it back: absent as null, amounts as digits, `json` parsed. */
const sqlValue = (type: ColumnType, value: unknown): unknown => {
  if (value === undefined || value === null) return null
  if (type === "json") return JSON.parse(toJson(value))
  return typeof value === "bigint" ? value.toString() : value
}

/** A function from a row to what reading it back from its snapshot table would give. */
export const rowEncoder = <Row, Event>(projection: Projection<Row, Event>) => {
  const columns = Object.entries(projection.columns)
  return (row: Row): SqlRow =>
    Object.fromEntries(columns.map(([name, { type, of }]) => [name, sqlValue(type, of(row))]))
}

/**
 * A function from a snapshot row read with SQL to the projection's row. Timestamps come as canonical text, `numeric`
 * and `uuid` as text, `json` parsed. SQL has one null for "absent" and for "null"; the row's schema tells them apart.
 * Throws when the table does not hold what the projection wrote.
 */
export const rowDecoder = <Row, Event>(projection: Projection<Row, Event>) => {
  const decode = Schema.decodeUnknownSync(projection.row)
  const names = Object.keys(projection.row.fields)
  const optional = new Set(names.filter((name) => isOptional(projection, name)))
  return (columns: SqlRow): Row => {
    const present = names.filter((name) => columns[name] !== null || !optional.has(name))
    return decode(Object.fromEntries(present.map((name) => [name, columns[name]])))
  }
}

const isOptional = <Row, Event>(projection: Projection<Row, Event>, name: string): boolean => {
  const field = projection.row.fields[name]
  return field !== undefined && SchemaAST.isOptional(field.ast)
}
