import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { recordDecoder } from "@landfall/domain/codec"
import { describe, expect, it } from "vitest"
import { foldInto } from "../src/fold.ts"
import { snapshotLines } from "../src/laws/law.ts"
import { projections } from "../src/registry.ts"

const golden = (name: string) => new URL(`golden/${name}`, import.meta.url)

/** The frozen events of a topic: one message value a line. */
const frozenEvents = (topic: (typeof projections)[number]["topic"]) => {
  const decode = recordDecoder(topic)
  return readFileSync(golden(`${topic.name}.jsonl`), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const decoded = decode(new TextEncoder().encode(line))
      if (!decoded.ok) throw new Error(`a frozen event no longer decodes: ${decoded.reason}\n${line}`)
      return decoded.record
    })
}

/** The row after each event, one line each; a line for an event that changed nothing says so. */
const changes = (projection: (typeof projections)[number]): string => {
  const rows = new Map()
  const lines = frozenEvents(projection.topic).map((event) => {
    const key = projection.key(event)
    const before = rows.get(key)
    foldInto(projection, rows, [event])
    const row = rows.get(key)
    return row === before ? `${key} is unchanged` : snapshotLines(projection, new Map([[key, row]])).join()
  })
  return `${lines.join("\n")}\n`
}

describe("each version of a projection is pinned", () => {
  it.each(
    projections.map((projection) => ({ name: projection.name, version: projection.version, projection })),
  )("$name version $version gives the rows that it always gave", ({ name, version, projection }) => {
    const file = golden(`${name}.v${version}.txt`)
    if (!existsSync(file)) {
      writeFileSync(file, changes(projection))
      expect.fail(
        `${name} version ${version} had no golden file; it was written now: look at it and commit it`,
      )
    }
    expect(
      changes(projection),
      `${name} folds the same events to other rows: bump its version, or undo the change`,
    ).toBe(readFileSync(file, "utf8"))
  })
})
