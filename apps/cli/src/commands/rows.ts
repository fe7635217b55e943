import { type FoundRow, findRow, listRows } from "@landfall/adapters/audit/rows"
import { optional, required } from "@landfall/adapters/config/field"
import { oneOf, text } from "@landfall/adapters/config/kinds"
import { pageLimit } from "@landfall/adapters/http/pagination"
import { toJson } from "@landfall/domain/codec"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { rowEncoder } from "@landfall/projections/row-codec"
import { askAsOf, asOfGiven, asOfOptions, printDatedStanding } from "../as-of.ts"
import type { Context } from "../context.ts"
import { defineCommand } from "../define-command.ts"
import { CommandFailed, exitCodes } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"

const [firstList = "", ...otherLists] = projections.map(({ list }) => list)

/** A row as programs get it: with the place of the event that changed it last. */
const shown = ({ row, partition, offset }: FoundRow) => ({
  ...(row as object),
  topic_partition: partition,
  kafka_offset: offset,
})

/** `landfall rows LIST [KEY]`: the rows of any projection, as they are or as they were. */
export const rowsCommand = defineCommand({
  name: "rows",
  summary: "Lists the rows of any projection whole, as they are or as they were",
  description:
    "`funding` and `alerts` show transfers and alerts in a form for people; this shows every field.",
  arguments: {
    list: required(oneOf([firstList, ...otherLists]), "which rows"),
    key: optional(text, "only the row of this key"),
  },
  options: {
    ...asOfOptions,
    limit: pageLimit,
    after: optional(text, "only rows whose keys come after this one: the last key of the page before"),
  },
  examples: [
    { line: "landfall rows prices --as-of 2026-11-23T09:30:00Z", for: "the reference prices known then" },
    { line: "landfall rows inventories desk.near --json", for: "what an account holds, for programs" },
  ],
  run: async (context, { arguments: { list, key }, options }) => {
    const projection = projections.find((one) => one.list === list) as AnyProjection
    const asOf = asOfGiven(context, options)
    const about = { topics: [projection.topic.name], projection }
    const { value: rows, standing } = await askAsOf(context, asOf, about, async (transaction) => {
      if (key === null)
        return listRows(
          transaction,
          projection,
          { conditions: [], after: options.after, asOf },
          options.limit + 1,
        )
      const row = await findRow(transaction, projection, key, asOf)
      if (row === null)
        throw new CommandFailed(
          `${list} has no row ${key}${asOf === null ? "" : ` as of ${asOf.at}`}: \`landfall rows ${list}\` lists what there is`,
        )
      return [row]
    })
    const items = rows.slice(0, options.limit)
    const after = rows.length > items.length ? (items.at(-1)?.key ?? null) : null
    context.output.result({ ...standing, items: items.map(shown), next_after: after }, () => {
      for (const row of items) printRow(context, projection, row)
      if (items.length === 0) context.output.line(`no ${list.replaceAll("-", " ")}`)
      if (after !== null) context.output.line(`\nmore: add --after ${JSON.stringify(after)}`)
      printDatedStanding(context, asOf, standing)
    })
    return exitCodes.ok
  },
})

const printRow = ({ output }: Context, projection: AnyProjection, found: FoundRow): void => {
  const place = `${projection.topic.name}/${found.partition}@${found.offset}`
  output.line(`${output.paint("bold", printable(found.key))}  ${output.paint("dim", place)}`)
  const fields = Object.entries(rowEncoder(projection)(found.row)).filter(([, value]) => value !== null)
  const width = Math.max(...fields.map(([name]) => name.length))
  for (const [name, value] of fields)
    output.line(`  ${name.padEnd(width)}  ${printable(typeof value === "string" ? value : toJson(value))}`)
}
