import { shortPosition } from "@landfall/adapters/config/position-kind"
import type { RowDifference, SnapshotDifference } from "@landfall/adapters/rebuild/difference"
import type { Rebuilt } from "@landfall/adapters/rebuild/options"
import { toJson } from "@landfall/domain/codec"
import type { Output } from "../output/output.ts"
import { printable } from "../output/printable.ts"
import { grouped } from "../output/progress.ts"

/** Whether any row differs; a comparison that was not made found none. */
export const isDifferent = (difference: SnapshotDifference | null): boolean =>
  difference !== null && difference.changed + difference.missing + difference.surplus > 0

/** Tells people what a rebuild came to. */
export const printRebuilt = (output: Output, rebuilt: Rebuilt): void => {
  const { projection, version, events, rows, difference, uncompared, promoted, position } = rebuilt
  output.line(
    `${projection} version ${version}: ${grouped(rows)} rows from ${grouped(events)} events, up to ${shortPosition(position) || "the beginning"}`,
  )
  if (uncompared !== null) output.line(`not compared: ${uncompared}`)
  if (difference !== null) printDifference(output, rebuilt.live_version, difference)
  output.line(
    promoted
      ? `live now; the table of before is kept: \`landfall rebuild --rollback ${projection}\` puts it back`
      : `kept beside the live table: \`landfall rebuild ${projection} --promote\` swaps it in, --give-up drops it`,
  )
}

const printDifference = (output: Output, liveVersion: number, difference: SnapshotDifference): void => {
  const { same, changed, missing, surplus, changed_fields, first } = difference
  if (!isDifferent(difference))
    return output.line(`the live table (version ${liveVersion}) has the same ${grouped(same)} rows`)
  output.line(
    `the live table (version ${liveVersion}) differs: ${grouped(changed)} rows changed, ${grouped(missing)} missing, ${grouped(surplus)} too many; ${grouped(same)} are the same`,
  )
  const fields = Object.entries(changed_fields).map(([field, count]) => `${field} ${grouped(count)}`)
  if (fields.length > 0) output.line(`fields that changed: ${fields.join(", ")}`)
  output.line()
  output.table(
    [
      { title: "row", of: ({ key }) => printable(key) },
      { title: "is", of: ({ kind }) => kind },
      { title: "field", of: ({ field }) => field },
      { title: "live", of: ({ live }) => printable(toJson(live)) },
      { title: "rebuilt", of: ({ rebuilt }) => printable(toJson(rebuilt)) },
    ],
    first.flatMap(shownFields),
    "",
  )
}

const shownFields = ({ key, kind, fields }: RowDifference) =>
  Object.entries(fields).map(([field, { live, rebuilt }]) => ({ key, kind, field, live, rebuilt }))
