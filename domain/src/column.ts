/** The PostgreSQL types that evidence and snapshot columns use. */
export type ColumnType =
  | "text"
  | "uuid"
  | "integer"
  | "bigint"
  | "numeric"
  | "timestamptz"
  | "boolean"
  | "json"

/** A typed column: the record's field of the same name, or what `of` computes from it. */
export interface Column<Record> {
  readonly type: ColumnType
  readonly of: (record: Record) => ColumnValue
}

/** What a column may hold; timestamps stay canonical text, amounts `bigint`, `json` any JSON value. */
export type ColumnValue = unknown

export type Columns<Record> = { readonly [name: string]: Column<Record> }

/** Columns that carry fields of the same name, declared as `{ field: type }`. */
export const fields = <Record>(
  types: { readonly [Field in keyof Record & string]?: ColumnType },
): Columns<Record> =>
  Object.fromEntries(
    Object.entries(types).map(([field, type]) => [
      field,
      { type: type as ColumnType, of: (record: Record) => record[field as keyof Record] },
    ]),
  )
