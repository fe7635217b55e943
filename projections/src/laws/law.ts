import { toJson } from "@landfall/domain/codec"
import type fc from "fast-check"
import type { Rows } from "../fold.ts"
import type { Projection } from "../projection.ts"
import { rowEncoder } from "../row-codec.ts"
import type { History } from "../testing/generators.ts"

/**
 * Something that holds for every projection. Give it a projection and a generator of its topic's histories,
 * and hand the property to `fc.assert`.
 */
export interface Law {
  /** The law as a sentence, fit for the name of a test. */
  readonly name: string
  readonly property: <Row, Event>(
    projection: Projection<Row, Event>,
    history: History<Event>,
  ) => fc.IProperty<unknown>
}

/** The rows as the snapshot table would hold them: one line a key, in the order of the keys. */
export const snapshotLines = <Row, Event>(
  projection: Projection<Row, Event>,
  rows: Rows<Row>,
): ReadonlyArray<string> => {
  const encode = rowEncoder(projection)
  return [...rows]
    .map(([key, row]) => `${key} ${toJson(encode(row))}`)
    .sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
}

/** Throws, with the lines that differ, unless both hold the same rows. */
export const expectSameRows = <Row, Event>(
  projection: Projection<Row, Event>,
  what: string,
  expected: Rows<Row>,
  actual: Rows<Row>,
): void => {
  const before = snapshotLines(projection, expected)
  const after = snapshotLines(projection, actual)
  const missing = before.filter((line) => !after.includes(line))
  const extra = after.filter((line) => !before.includes(line))
  if (missing.length + extra.length === 0) return
  throw new Error(
    `${projection.name}: ${what}\n${missing.map((line) => `- ${line}`).join("\n")}\n${extra.map((line) => `+ ${line}`).join("\n")}`,
  )
}
