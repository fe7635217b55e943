import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { projections } from "../src/registry.ts"
import { frozenEvents, goldenText } from "../src/testing/golden.ts"

const golden = (name: string) => new URL(`golden/${name}`, import.meta.url)

/** What pins the projection: the rows that the frozen events of its topic give. */
const changes = (projection: (typeof projections)[number]): string =>
  goldenText(
    projection,
    frozenEvents(projection.topic, readFileSync(golden(`${projection.topic.name}.jsonl`), "utf8")),
  )

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
