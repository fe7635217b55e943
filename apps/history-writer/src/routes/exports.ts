import type { AsOf } from "@landfall/adapters/audit/as-of"
import { type ExportFormat, exportTypes, formatter, type Item } from "@landfall/adapters/audit/export"
import { positionOf } from "@landfall/adapters/audit/position"
import { optional } from "@landfall/adapters/config/field"
import { integer, oneOf } from "@landfall/adapters/config/kinds"
import { limits } from "@landfall/adapters/config/limits"
import { shortPosition } from "@landfall/adapters/config/position-kind"
import { holdSnapshots } from "@landfall/adapters/history/snapshot-table"
import { produced, Streamed, type Write } from "@landfall/adapters/http/streamed"
import type { Transaction } from "@landfall/adapters/postgres/transaction"
import type { Position } from "@landfall/domain/position"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { type Questions, standingOf, translated } from "./questions.ts"

/** The media types that lists stream in. */
export const streamTypes = Object.values(exportTypes)

/** The parameters of a list that can be exported. */
export const listFields = {
  format: optional(
    oneOf(["json", "ndjson", "csv"]),
    "a page as JSON, or everything as NDJSON or CSV; without it the Accept header decides, and then it is json",
  ),
  limit: optional(
    integer({ min: 1, max: limits.http.page_rows_max }),
    `rows a page, ${limits.http.page_rows_default} unless told; an export has no pages and no limit`,
  ),
}

/** What an export is made of: items by page, and the columns that they have. */
export interface Exported {
  readonly columns: ReadonlyArray<string>
  /** The projection whose rows they are; null for events. */
  readonly projection: AnyProjection | null
  readonly pages: (transaction: Transaction) => AsyncIterable<ReadonlyArray<Item>>
}

/** A header must fit among the others; a position of hundreds of partitions is left to `/v1` itself. */
const headerCharsMax = 4_096

/**
 * Streams all items of a list from one state of the database, a page in memory at a time and no faster than they are read.
 * What goes wrong before the first item is answered as an error; afterwards the stream breaks off.
 */
export const exported = async (
  { readers, now }: Questions,
  format: ExportFormat,
  asOf: AsOf | null,
  signal: AbortSignal,
  { columns, projection, pages }: Exported,
): Promise<Streamed> => {
  const { head, format: textOf } = formatter(format, columns)
  const begun = Promise.withResolvers<Position>()
  const produce = async (write: Write, gone: AbortSignal): Promise<void> => {
    try {
      await readers.export(async (transaction) => {
        await holdSnapshots(transaction, projections)
        const position = await positionOf(transaction, asOf, projection)
        let first = true
        for await (const page of pages(transaction)) {
          if (first) begun.resolve(position)
          const text = `${first ? head : ""}${textOf(page)}`
          first = false
          if (text !== "") await write(text)
        }
        begun.resolve(position)
      }, gone)
    } catch (error) {
      begun.reject(error)
      throw error
    }
  }
  const body = produced(produce, limits.http.stream_buffer_bytes_max)
  signal.addEventListener("abort", () => body.destroy(), { once: true })
  body.on("error", () => {}) // whoever reads the stream hears of it, and so does `begun`
  const position = shortPosition(await translated(() => begun.promise))
  const { as_of, as_of_basis } = standingOf(asOf, {}, now())
  return new Streamed(
    `${exportTypes[format]}; charset=utf-8`,
    {
      "landfall-as-of": as_of,
      "landfall-as-of-basis": as_of_basis,
      ...(position.length <= headerCharsMax && { "landfall-position": position }),
    },
    body,
  )
}
