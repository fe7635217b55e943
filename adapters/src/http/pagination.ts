import { Result, Schema } from "effect"
import { type Kind, optional, withDefault } from "../config/field.ts"
import { integer } from "../config/kinds.ts"
import { limits } from "../config/limits.ts"

/**
 * Where the next page begins: the sort values of the last row that was shown. It is stable: rows that come later
 * move nobody's page. It is opaque to clients, and nothing in it is trusted: it is decoded like any other input.
 */
export type Cursor = readonly string[]

/** How many sort values a cursor may have, and how long its text may be. */
const parts_max = 8
const chars_max = 1_024

const CursorJson = Schema.fromJsonString(Schema.Tuple([Schema.Literal(1), Schema.Array(Schema.String)]))
const decode = Schema.decodeUnknownResult(CursorJson)

/** The text of a cursor for the given list; it holds the list's name, so that it cannot be used on another. */
export const encodeCursor = (list: string, cursor: Cursor): string =>
  Buffer.from(JSON.stringify([1, [list, ...cursor]])).toString("base64url")

/** The sort values of a cursor of the given list and number of parts; null for any other text. */
export const decodeCursor = (list: string, parts: number, text: string): Cursor | null => {
  if (text.length > chars_max || !/^[\w-]+$/.test(text)) return null
  const decoded = decode(Buffer.from(text, "base64url").toString("utf8"))
  if (Result.isFailure(decoded)) return null
  const [name, ...cursor] = decoded.success[1]
  // One position has one text, so that equal pages have equal addresses.
  const isOurs =
    name === list && cursor.length === Math.min(parts, parts_max) && encodeCursor(list, cursor) === text
  // PostgreSQL takes neither, and no row has them.
  return isOurs && cursor.every((part) => part.isWellFormed() && !part.includes("\0")) ? cursor : null
}

/** The query parameter that takes a cursor of the given list. */
export const cursorOf = (list: string, parts: number): Kind<Cursor> => ({
  accepted: `a next_cursor that ${list} gave`,
  example: encodeCursor(
    list,
    Array.from({ length: parts }, () => "0"),
  ),
  json: { type: "string" },
  sensitive: false,
  read: (text) => {
    const cursor = decodeCursor(list, parts, text)
    return cursor === null
      ? { ok: false, problem: "it is not a cursor of this list" }
      : { ok: true, value: cursor }
  },
})

/** The query parameter that says how many rows a page has. */
export const pageLimit = withDefault(
  integer({ min: 1, max: limits.http.page_rows_max }),
  String(limits.http.page_rows_default),
  "rows a page",
)

/** The query parameters of a list whose rows have one sort value. */
export const paging = (list: string) => ({
  cursor: optional(cursorOf(list, 1), "where the page begins"),
  limit: pageLimit,
})

/** One page of a list. */
export interface Page<Row> {
  readonly items: readonly Row[]
  /** What to give as `cursor` for the next page; null on the last one. */
  readonly next_cursor: string | null
}

/** A page from rows of which one more than `limit` was asked for, to know whether there is a next page. */
export const pageOf = <Row>(
  list: string,
  rows: readonly Row[],
  limit: number,
  cursor: (row: Row) => Cursor,
): Page<Row> => {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return {
    items,
    next_cursor: rows.length > limit && last !== undefined ? encodeCursor(list, cursor(last)) : null,
  }
}
