import stringWidth from "string-width"
import { printable } from "./printable.ts"

/** A cell: text, a number, or nothing. */
export type Cell = string | number | bigint | null | undefined

/** A column of a table for people. */
export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => Cell
  /** Numbers stand under each other's last digits. */
  readonly align?: "right"
}

const gap = "  "
/** What stands where there is nothing. */
const nothing = "-"

/** The lines of a table, the titles first; cells are never cut, because half a hash is no hash. */
export const tableLines = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
): ReadonlyArray<string> => {
  const cells = [
    columns.map(({ title }) => title.toUpperCase()),
    ...rows.map((row) => columns.map(({ of }) => textOf(of(row)))),
  ]
  const widths = columns.map((_, place) => Math.max(...cells.map((line) => stringWidth(line[place] ?? ""))))
  return cells.map((line) =>
    line
      .map((text, place) => {
        const space = " ".repeat((widths[place] ?? 0) - stringWidth(text))
        return columns[place]?.align === "right" ? `${space}${text}` : `${text}${space}`
      })
      .join(gap)
      .trimEnd(),
  )
}

const textOf = (cell: Cell): string =>
  cell === null || cell === undefined || cell === "" ? nothing : printable(String(cell))
