import { toJson } from "@landfall/domain/codec"
import { stringify } from "csv-stringify/sync"

/** The forms that a list can be exported in, with their media types. */
export const exportTypes = { ndjson: "application/x-ndjson", csv: "text/csv" } as const
export type ExportFormat = keyof typeof exportTypes

/** An item of a list: values by column. */
export type Item = { readonly [column: string]: unknown }

/** Makes text of items; `head` comes before the first. */
export interface Formatter {
  readonly head: string
  readonly format: (items: ReadonlyArray<Item>) => string
}

/** One JSON object a line. */
const ndjson: Formatter = {
  head: "",
  format: (items) => items.map((item) => `${toJson(item)}\n`).join(""),
}

/**
 * RFC 4180 with a title line. A text that a spreadsheet would take for a formula gets an apostrophe in front, because what
 * stands in a memo or an error message may come from anybody.
 */
const csv = (columns: ReadonlyArray<string>): Formatter => {
  const rows = (lines: ReadonlyArray<ReadonlyArray<unknown>>): string =>
    stringify(lines as unknown[][], { escape_formulas: true, record_delimiter: "windows" })
  return {
    head: rows([columns]),
    format: (items) => rows(items.map((item) => columns.map((column) => cell(item[column])))),
  }
}

const cell = (value: unknown): string => {
  if (value === undefined || value === null) return ""
  return typeof value === "object" ? toJson(value) : String(value)
}

/** The formatter of an export of items with those columns. */
export const formatter = (format: ExportFormat, columns: ReadonlyArray<string>): Formatter =>
  format === "csv" ? csv(columns) : ndjson

/** The form that a client asks for: by the parameter, or else by the first media type of `Accept` that is one of ours. */
export const chosenFormat = (
  parameter: "json" | ExportFormat | null,
  accept: string | null,
): ExportFormat | null => {
  if (parameter !== null) return parameter === "json" ? null : parameter
  for (const part of (accept ?? "").split(",")) {
    const type = part.split(";", 1)[0]?.trim().toLowerCase()
    if (type === "application/json" || type === "*/*") return null
    for (const [format, mediaType] of Object.entries(exportTypes))
      if (type === mediaType) return format as ExportFormat
  }
  return null
}
