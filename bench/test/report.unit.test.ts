import { describe, expect, it } from "vitest"
import { reportText, shown, terminalText, verdict } from "../src/report/render.ts"
import { reaches, type Section } from "../src/report/section.ts"

const section: Section = {
  name: "ingest",
  title: "Topics to evidence",
  how: "As it is done.",
  figures: [{ name: "history writer", unit: "events/s", runs: [40_000, 60_000, 50_000] }],
  results: [
    { name: "of raw COPY", unit: "×", runs: [0.5, 0.9, 0.75], target: { least: 0.7 } },
    { name: "of Kafka Streams", unit: "×", runs: [0.5, 0.9, 0.75], target: { least: 1 } },
    { name: "of Emmett", missing: "npm could not be reached" },
    { name: "told only", unit: "ms", runs: [3], target: null },
  ],
  remarks: ["A | remark."],
}

describe("a value", () => {
  it.each([
    [181_234.4, "events/s", "181,234 events/s"],
    [0.7512, "×", "0.75 ×"],
    [0.0123, "ms", "0.0123 ms"],
    [12.345, "ms", "12.3 ms"],
    [Number.NaN, "ms", "–"],
  ] as const)("%d in %s is shown as %s", (value, unit, text) => expect(shown(value, unit)).toBe(text))
})

describe("a target", () => {
  it("is reached at its bound", () => {
    expect(reaches(0.7, { least: 0.7 })).toBe(true)
    expect(reaches(0.69, { least: 0.7 })).toBe(false)
    expect(reaches(100, { most: 100 })).toBe(true)
    expect(reaches(100.1, { most: 100 })).toBe(false)
  })

  it("is judged by the median", () => {
    expect(section.results.map(verdict)).toEqual([
      "reached",
      "**short**",
      "not measured: npm could not be reached",
      "",
    ])
  })
})

describe("the report", () => {
  const text = reportText(
    "npm run bench",
    ["2 × a processor"],
    [section],
    ["observe: it took longer than 9 s"],
  )

  it("says how it was made, on what, and how to repeat each part", () => {
    expect(text).toContain("One run of `npm run bench`.")
    expect(text).toContain("- 2 × a processor")
    expect(text).toContain("Repeat: `npm run bench -- ingest`")
  })

  it("has each result in the summary and in its section, with target and verdict", () => {
    const row = "| of raw COPY | ≥ 0.7 × | 0.75 × | reached |"
    expect(text.split(row)).toHaveLength(3)
    expect(text.split("| told only |")).toHaveLength(2) // in its section, since there is nothing to reach
    expect(text).toContain("| of Kafka Streams | ≥ 1 × | 0.75 × | **short** |")
    expect(text).toContain("| of Emmett |  | – | not measured: npm could not be reached |")
  })

  it("has the median, the spread and the number of runs of each figure", () => {
    expect(text).toContain("| history writer | 50,000 events/s | 40,000 events/s to 60,000 events/s | 3 |")
  })

  it("does not hide what failed", () => {
    expect(text).toContain("- Failed: observe: it took longer than 9 s")
  })
})

describe("the terminal", () => {
  it("shows figures, results and remarks of a section", () => {
    const lines = terminalText(section).split("\n")
    expect(lines).toContain("  → of raw COPY: 0.75 × (to reach: ≥ 0.7 ×) reached")
    expect(lines).toContain("  → of Kafka Streams: 0.75 × (to reach: ≥ 1 ×) short")
    expect(lines).toContain("  → told only: 3 ms")
    expect(lines).toContain("  A | remark.")
  })
})
