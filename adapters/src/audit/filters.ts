import type { Columns } from "@landfall/domain/column"
import { Schema } from "effect"
import { type Field, type Fields, type Kind, optional } from "../config/field.ts"
import { instant, oneOf, text } from "../config/kinds.ts"
import type { Condition } from "./conditions.ts"

/** Columns that a list can be narrowed down by, where it has them: what the filter means, and how its values look. */
const filterable: { readonly [column: string]: { readonly means: string; readonly accepted?: string } } = {
  account_id: { means: "only this account" },
  asset_id: { means: "only this asset" },
  chain: { means: "only this chain" },
  funding_handle: { means: "only this deposit address" },
  transfer_id: { means: "only this transfer", accepted: "a lowercase UUID" },
  tx_hash: {
    means: "only this transaction on the chain",
    accepted: "64 lowercase hexadecimal digits, on EVM chains with 0x in front",
  },
  bridge_deposit_tx_hash: { means: "only deposits that the bridge knows by this hash" },
  bridge_status: { means: "only deposits of which the bridge says this word" },
  status: { means: "only this status" },
  cause: { means: "only what this made an event" },
  source: { means: "only what this source told" },
  match: { means: "only credits that were matched this way" },
  below_minimum: { means: "only amounts below the bridge's minimum, or only others" },
  pair: { means: "only this pair" },
  active: { means: "only handles that are active, or only others" },
  action: { means: "only this action" },
  command_id: { means: "only this command" },
  error_code: { means: "only failures with this code" },
  last_status: { means: "only pairs whose last result is this" },
  alert_key: { means: "only this alert" },
  alert_code: { means: "only alerts of this rule" },
  severity: { means: "only this severity" },
  service_scope: { means: "only alerts about this service" },
}

/** What filters are made from: a list's columns, and the schema of each field. */
export interface Filterable {
  readonly columns: Columns<never>
  readonly fields: Schema.Struct.Fields
}

/** The fields of a record's or row's schema by name; none for a schema that is no struct. */
export const fieldsOf = (schema: object): Schema.Struct.Fields =>
  "fields" in schema ? (schema.fields as Schema.Struct.Fields) : {}

/** The query parameters that narrow a list down: columns by their names, times by `<column>_from` and `<column>_before`. */
export const filtersOf = ({ columns, fields }: Filterable): Fields => {
  const filters: Record<string, Field<unknown>> = {}
  for (const column of Object.keys(columns)) {
    const known = Object.hasOwn(filterable, column) ? filterable[column] : undefined
    if (known !== undefined)
      filters[column] = optional(kindOfColumn(column, fields[column], known.accepted), known.means)
  }
  for (const [column, { type }] of Object.entries(columns)) {
    if (type !== "timestamptz") continue
    filters[`${column}_from`] = optional(instant, `only with ${column} at this time or later`)
    filters[`${column}_before`] = optional(instant, `only with ${column} before this time`)
  }
  return filters
}

/** The values of a column as one text: its few words where it has only those, else what its schema takes. */
const kindOfColumn = (
  column: string,
  schema: Schema.Struct.Fields[string] | undefined,
  accepted: string | undefined,
): Kind<string> => {
  if (schema === undefined) return text
  const { enum: words, type } = Schema.toJsonSchemaDocument(schema as Schema.Codec<unknown>).schema as {
    readonly enum?: ReadonlyArray<string>
    readonly type?: string
  }
  const [first, ...others] = type === "boolean" ? ["true", "false"] : (words ?? [])
  if (first !== undefined) return oneOf([first, ...others])
  const is = Schema.is(schema as Schema.Codec<unknown>)
  return {
    ...text,
    accepted: accepted ?? text.accepted,
    read: (given) => {
      const read = text.read(given)
      if (!read.ok || is(given)) return read
      return { ok: false, problem: `it is no ${column}` }
    },
  }
}

/** The conditions that the values of those query parameters make. */
export const conditionsOf = (
  columns: Columns<never>,
  values: { readonly [parameter: string]: unknown },
): ReadonlyArray<Condition> =>
  Object.entries(columns).flatMap(([column, { type }]) => {
    const condition = (is: Condition["is"], value: unknown): ReadonlyArray<Condition> =>
      typeof value === "string" ? [{ column, type, is, value }] : []
    return [
      ...(Object.hasOwn(filterable, column) ? condition("=", values[column]) : []),
      ...(type === "timestamptz"
        ? [...condition(">=", values[`${column}_from`]), ...condition("<", values[`${column}_before`])]
        : []),
    ]
  })
