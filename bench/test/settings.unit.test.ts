import { describe, expect, it } from "vitest"
import { benchNames, readSettings } from "../src/settings.ts"

const read = (...args: ReadonlyArray<string>) => readSettings(args, "/report.md")

describe("the command line", () => {
  it("means everything and a report when it says nothing", () => {
    const { names, report, quick, sizes } = read()
    expect(names).toEqual(benchNames.filter((name) => !["load", "ticks", "sharing"].includes(name)))
    expect(report).toBe("/report.md")
    expect(quick).toBe(false)
    expect(sizes.runs).toBeGreaterThanOrEqual(5)
  })

  it("runs what takes minutes only when it is asked for", () =>
    expect(read("sharing", "ticks", "load", "--load-events", "9").names).toEqual([
      "load",
      "ticks",
      "sharing",
    ]))

  it("leaves the report alone for a part, and for a quick look", () => {
    expect(read("ingest").report).toBeNull()
    expect(read("--quick").report).toBeNull()
    expect(read("ingest", "--report", "/other.md").report).toBe("/other.md")
  })

  it("takes several names, in the order in which they run", () => {
    expect(read("observe", "ingest", "--runs", "7")).toMatchObject({
      names: ["ingest", "observe"],
      sizes: { runs: 7 },
    })
  })

  it("measures less when it is to be quick, unless a size is given", () => {
    const { sizes } = read("--quick", "--handles", "321")
    expect(sizes.events).toBeLessThan(read().sizes.events)
    expect(sizes.handles).toBe(321)
  })

  it("is refused with all that is wrong with it", () => {
    expect(() => read("speed", "--runs", "0", "--events", "many")).toThrow(
      /no benchmark speed; --runs takes .* not 0; --events takes .* not many/,
    )
    expect(() => read("--faster")).toThrow("--faster")
  })
})
