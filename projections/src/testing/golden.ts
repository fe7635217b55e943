import { recordDecoder } from "@landfall/domain/codec"
import type { Topic } from "@landfall/domain/topic"
import { foldInto, type Rows } from "../fold.ts"
import { snapshotLines } from "../laws/law.ts"
import type { Projection } from "../projection.ts"

/** The frozen events of a topic, one message value a line. Throws for one that today's schema refuses. */
export const frozenEvents = <Event>(topic: Topic<Event>, lines: string): ReadonlyArray<Event> => {
  const decode = recordDecoder(topic)
  return lines
    .trimEnd()
    .split("\n")
    .map((line) => {
      const decoded = decode(new TextEncoder().encode(line))
      if (!decoded.ok) throw new Error(`a frozen event no longer decodes: ${decoded.reason}\n${line}`)
      return decoded.record
    })
}

/**
 * What pins a version of a projection: the row after each event, one line each; a line for an event that changed nothing
 * says so. Kept in a file, it fails whoever changes what the projection folds to without a new version.
 */
export const goldenText = <Row, Event>(
  projection: Projection<Row, Event>,
  events: Iterable<Event>,
): string => {
  const rows: Rows<Row> = new Map()
  const lines = Array.from(events, (event) => {
    const key = projection.key(event)
    const before = rows.get(key)
    foldInto(projection, rows, [event])
    const row = rows.get(key)
    if (row === before || row === undefined) return `${key} is unchanged`
    return snapshotLines(projection, new Map([[key, row]])).join()
  })
  return `${lines.join("\n")}\n`
}
