import { isDeepStrictEqual } from "node:util"
import type { SqlRow } from "@landfall/projections/row-codec"

/** The columns that do not hold what they should, each with both values; empty when all do. */
export const differingColumns = (expected: SqlRow, stored: SqlRow): string =>
  Object.entries(expected)
    .filter(([column, value]) => value !== stored[column] && !isDeepStrictEqual(value, stored[column]))
    .map(([column, value]) => `${column} is ${JSON.stringify(stored[column])} for ${JSON.stringify(value)}`)
    .join(", ")
