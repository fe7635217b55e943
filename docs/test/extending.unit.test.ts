import { readFileSync } from "node:fs"
import { type MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import type { AnyRule } from "@landfall/evaluators/alerts/define-rule"
import { crashProblems } from "@landfall/evaluators/alerts/scenario/crash-points"
import { parseScenario } from "@landfall/evaluators/alerts/scenario/parse"
import { asWritten, play } from "@landfall/evaluators/alerts/scenario/play"
import { scenarioProblems, variationProblems } from "@landfall/evaluators/alerts/scenario/variations"
import { storyText } from "@landfall/evaluators/testing/stories"
import { reducerLaws } from "@landfall/projections/laws/reducer-laws"
import type { Projection } from "@landfall/projections/projection"
import { historyOf } from "@landfall/projections/testing/generators"
import { given } from "@landfall/projections/testing/given"
import { frozenEvents, goldenText } from "@landfall/projections/testing/golden"
import { priceHistory } from "@landfall/projections/testing/other-histories"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { sourcePrice } from "./extending/source-price.ts"
import { sourceSilent } from "./extending/source-silent.ts"

const file = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

const price = (second: number, source = "kraken"): MarketPrice => ({
  price_event_id: `00000000-0000-5000-8000-0000000000${second}${source.length}`,
  ...{ pair: "BTC/EURe", price: "60000", source, observed_at: `2026-11-23T09:00:${second}.000Z` },
})

const scenario = parseScenario("source-silent.scenario", file("extending/source-silent.scenario"))

describe("docs/extending.md", () => {
  it.each(["source-price.ts", "source-silent.ts", "source-silent.scenario"])(
    "shows %s as it is tested here",
    (name) => {
      expect(file("../extending.md")).toContain(`\n${file(`extending/${name}`)}\`\`\`\n`)
    },
  )

  it("names no export that there is not", async () => {
    const named = new Set(
      [...file("../extending.md").matchAll(/`(@landfall\/(?:projections|evaluators)\/[\w/-]+)`/g)].map(
        ([, name = ""]) => name,
      ),
    )
    expect(named.size).toBeGreaterThan(8)
    for (const name of named) expect(Object.keys(await import(name)), name).not.toEqual([])
  })
})

describe("the sample projection", () => {
  it("is stated by given, when and then", () => {
    given(sourcePrice).when(price(10)).then(price(10))
    given(sourcePrice, [price(10)])
      .when(price(11))
      .then(price(11))
    given(sourcePrice, [price(11)])
      .when(price(10))
      .thenNothingChanges()
    given(sourcePrice, [price(11)])
      .when(price(10, "coinbase"))
      .then(price(10, "coinbase"))
    expect(() =>
      given(sourcePrice, [price(11)])
        .when(price(10))
        .then(price(10)),
    ).toThrow(/but got/)
  })

  it.each(reducerLaws.map(({ name, property }) => ({ law: name, property })))("$law", ({ property }) => {
    fc.assert(property(sourcePrice, historyOf(sourcePrice.topic.name) as typeof priceHistory), {
      numRuns: 100,
    })
  })

  it("is pinned by what it folds frozen events to, and another meaning gives another text", () => {
    const frozen = frozenEvents(
      marketPriceTopic,
      file(`../../projections/test/golden/${marketPriceTopic.name}.jsonl`),
    )
    const text = goldenText(sourcePrice, frozen)
    expect(text.split("\n").length).toBe(frozen.length + 1)
    const oldest: Projection<MarketPrice, MarketPrice> = {
      ...sourcePrice,
      evolve: (row, seen) => row ?? seen,
    }
    expect(goldenText(oldest, frozen)).not.toBe(text)
  })
})

describe("each law catches a projection that breaks it:", () => {
  let calls = 0
  const copies: typeof sourcePrice.evolve = (row, seen) =>
    row === null || seen.observed_at >= row.observed_at ? { ...seen } : row
  const counting = (row: MarketPrice | null, seen: MarketPrice): MarketPrice => ({
    ...seen,
    price: String(Number(row?.price ?? 0) + 1),
  })
  const broken: Readonly<Record<string, Partial<Projection<MarketPrice, MarketPrice>>>> = {
    "is deterministic and changes nothing in place": {
      evolve: (_, seen) => ({ ...seen, price: String(++calls) }),
    },
    "is not changed by duplicates, however late they come": { evolve: counting },
    "gives back the very same row for a duplicate": { evolve: copies },
    "is not changed by how events are cut into batches, with a restart from the snapshot after each": {
      columns: { ...sourcePrice.columns, price: { type: "numeric", of: () => "0" } },
      evolve: counting,
    },
    "needs only the order within a message key": { key: ({ source }) => source },
    "takes all events of a row from one message key": { key: ({ source }) => source },
    "reads back from its snapshot the row that was written": {
      columns: { ...sourcePrice.columns, source: { type: "text", of: () => "somebody" } },
    },
    "finds exactly the events of a row by its key columns": { keyColumns: ["pair"] },
    "has in each column that rows are found by what one of the row's events has there": {
      columns: { ...sourcePrice.columns, price: { type: "numeric", of: () => "0.5" } },
      findBy: ["price"],
    },
    "tells the ids of all events of a row, if it tells any": { eventIds: (row) => [row.price_event_id] },
  }

  it("every law has one", () => {
    expect(Object.keys(broken).sort()).toEqual(reducerLaws.map(({ name }) => name).sort())
  })

  it.each(reducerLaws.map(({ name, property }) => ({ law: name, property })))("$law", ({ law, property }) => {
    const checked = fc.check(property({ ...sourcePrice, ...broken[law] }, priceHistory), { numRuns: 300 })
    expect(checked.failed).toBe(true)
  })
})

describe("the sample rule", () => {
  const rules: ReadonlyArray<AnyRule> = [sourceSilent]

  it("comes out as its scenario says, whatever is doubled, reordered, killed or replayed", () => {
    expect(scenarioProblems(scenario, rules).join("\n")).toBe("")
  })

  it("is played with a death at every commit point", () => {
    const written = play(scenario, asWritten, rules)
    expect(written.commit_points).toBeGreaterThan(10)
    expect(crashProblems(scenario, written, rules)).toEqual([])
  })

  it("holds in made-up stories as well", () => {
    fc.assert(
      fc.property(storyText, (text) => {
        const story = parseScenario("story", text)
        expect(variationProblems(story, play(story, asWritten, rules), rules).join("\n")).toBe("")
      }),
      { numRuns: 10 },
    )
  })

  it("is not what a scenario says that expects something else", () => {
    const other = file("extending/source-silent.scenario").replace(
      "at 09:00:30 because",
      "at 09:00:31 because",
    )
    expect(scenarioProblems(parseScenario("other.scenario", other), rules)[0]).toMatch(/expected .*09:00:31/)
  })
})

describe("each way of playing catches a rule that it changes:", () => {
  /** The sample rule over rows that a projection of its own makes, with the price as the reason. */
  const saying = (
    evolve: (row: MarketPrice | null, seen: MarketPrice) => string,
    events: "told" | "untold",
  ): AnyRule => ({
    ...sourceSilent,
    reads: {
      ...sourceSilent.reads,
      projection: { ...sourcePrice, evolve: (row, seen) => ({ ...seen, price: evolve(row, seen) }) },
      ...(events === "untold" && { events: () => [] }),
    },
    breach: (row, params) => {
      const breach = sourceSilent.breach(row, params)
      return breach === null ? null : { ...breach, reason: row.price }
    },
  })
  let evolved = 0
  const counts = saying(() => String(++evolved), "told")
  const countsDeliveries = saying((row) => String(row === null ? 1 : Number(row.price) + 1), "untold")
  let before = "nothing"
  const looksAcrossKeys = saying((_, { pair }) => {
    const reason = before
    before = pair
    return reason
  }, "told")

  it.each([
    ["with each input delivered twice", counts],
    ["with the partitions in reverse order", looksAcrossKeys],
    ["with the inputs of each tick in another order", looksAcrossKeys],
    ["with each input written twice", countsDeliveries],
    ["with a crash at commit point", counts],
    ["decided again from its cut", counts],
  ])("%s", (manner, rule) => {
    const plain = parseScenario(
      "plain.scenario",
      file("extending/source-silent.scenario").replace(/^ +expect .*$/gm, ""),
    )
    const problems = variationProblems(plain, play(plain, asWritten, [rule]), [rule])
    expect(problems.join("\n")).toContain(manner)
  })
})
