import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { parseScenario } from "../../src/alerts/scenario/parse.ts"
import { scenarioProblems } from "../../src/alerts/scenario/variations.ts"

const folder = fileURLToPath(new URL("../../scenarios/", import.meta.url))
const files = readdirSync(folder).filter((name) => name.endsWith(".scenario"))

describe("the scenarios", () => {
  it("are found", () => {
    expect(files.length).toBeGreaterThanOrEqual(12)
  })

  it.each(files)("%s comes out as written, whatever is doubled, reordered, killed or replayed", (name) => {
    const scenario = parseScenario(`scenarios/${name}`, readFileSync(`${folder}${name}`, "utf8"))
    expect(scenarioProblems(scenario).join("\n")).toBe("")
  })

  it("of the reference are as it says", () => {
    const page = readFileSync(new URL("../../../docs/reference/scenarios.md", import.meta.url), "utf8")
    const examples = [...page.matchAll(/```scenario\n([^]*?)```/g)].map(([, text = ""]) => text)
    expect(examples.length).toBeGreaterThan(0)
    for (const text of examples)
      expect(scenarioProblems(parseScenario("scenarios.md", text)).join("\n")).toBe("")
  })
})
