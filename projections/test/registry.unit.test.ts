import { topics } from "@landfall/domain/registry"
import { describe, expect, it } from "vitest"
import { snapshotTable } from "../src/projection.ts"
import { projections, projectionsOfTopic } from "../src/registry.ts"
import { histories, historyOf } from "../src/testing/generators.ts"

describe("the registry of projections", () => {
  it("has names of their own that are fit for tables and routes", () => {
    const names = projections.map((projection) => projection.name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[a-z][a-z_]{1,40}$/)
    expect(projections.map(snapshotTable)).toContain("funding_transfer_snapshot")
  })

  it("folds every topic, and finds the projections of a topic by its name", () => {
    for (const topic of topics) expect(projectionsOfTopic(topic.name).length).toBeGreaterThan(0)
    expect(projectionsOfTopic("no.such_topic")).toEqual([])
  })

  it.each(projections.map(({ name, columns, row }) => ({ name, columns, row })))(
    "gives each field of $name a column of the same name",
    ({ columns, row }) => {
      expect(Object.keys(columns).toSorted()).toEqual(Object.keys(row.fields).toSorted())
    },
  )

  it("has a generator of histories for every topic, and says where to add a missing one", () => {
    expect([...histories.keys()].toSorted()).toEqual(topics.map((topic) => topic.name).toSorted())
    expect(() => historyOf("no.such_topic")).toThrow("testing/generators.ts")
  })
})
