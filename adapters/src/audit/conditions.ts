import type { ColumnType } from "@landfall/domain/column"
import type { SqlRow } from "@landfall/projections/row-codec"
import type { Parameter } from "../postgres/transaction.ts"

/** What a row must be to be shown: a column held against a value that is given as text. */
export interface Condition {
  readonly column: string
  readonly type: ColumnType
  readonly is: "=" | ">=" | "<"
  readonly value: string
}

/** The condition in SQL; its value becomes the next parameter. */
export const sqlCondition = ({ column, type, is, value }: Condition, parameters: Parameter[]): string => {
  parameters.push(value)
  return `${column} ${is} $${parameters.length}::text::${type}`
}

/** Conditions after `where`, or nothing. */
export const whereAll = (conditions: ReadonlyArray<string>): string =>
  conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`

/** Whether a row as SQL would give it meets the condition. Canonical times and ids compare as their texts do. */
export const meets = ({ column, is, value }: Condition, row: SqlRow): boolean => {
  const found = row[column]
  if (found === null || found === undefined) return false
  const text = String(found)
  if (is === "=") return text === value
  return is === ">=" ? text >= value : text < value
}
