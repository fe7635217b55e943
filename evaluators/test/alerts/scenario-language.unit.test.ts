import { describe, expect, it } from "vitest"
import { alertRules } from "../../src/alerts/rules/registry.ts"
import { parseScenario } from "../../src/alerts/scenario/parse.ts"
import { scenarioProblems } from "../../src/alerts/scenario/variations.ts"

const story = (...lines: ReadonlyArray<string>) =>
  ["scenario a story", "policy reference_price_stale max_age 30s", ...lines].join("\n")

const problemsOf = (...lines: ReadonlyArray<string>) =>
  scenarioProblems(parseScenario("a.scenario", story(...lines)))

const stale = [
  "at 09:00:00",
  "  emit ref.market_price BTC/EURe 60000",
  "at 09:00:30",
  "  expect raised reference_price_stale BTC/EURe at 09:00:30",
]

describe("a scenario that cannot be read", () => {
  it.each([
    ["colour red", /^a\.scenario:3: colour is no beginning of a line: expected scenario, day/],
    ["expect nothing", /:3: `expect` needs a time/],
    ["policy nothing window 3s", /:3: nothing is no rule or list/],
    ["policy reference_price_stale max_age soon", /:3: soon is no length of time/],
    ["policy reference_price_stale colour 3s\nat 09:00:00", /:4: the policy is not allowed: .*colour_ms/],
    ["policy funding_stuck window 1m\nat 09:00:00", /:4: the policy is not allowed: .*would never raise/],
    ["at noon", /:3: noon is no time: expected 09:00:00/],
    ["at 25:00:00", /:3: 25:00:00 is no time/],
    ["at +3s", /:3: \+3s counts from the time before it, and there is none/],
    ["at 09:00:00\nat 08:59:59", /:4: the story does not go back in time/],
    ["at 09:00:00\nemit ref.market_prize BTC/EURe 1", /:4: ref\.market_prize is no topic/],
    ["at 09:00:00\nemit ref.market_price BTC/EURe", /:4: the line ends where a price is expected/],
    ["at 09:00:00\nemit ref.market_price BTC/EURe 60000.10", /:4: no such record: .*needless zeros/],
    [
      "at 09:00:00\nemit ref.market_price BTC/EURe 1 observed",
      /:4: the line ends where the value of observed/,
    ],
    ["at 09:00:00\nemit ref.market_price BTC/EURe 1 source a source b", /:4: source is there twice/],
    ["at 09:00:00\nemit ops.funding_observation d lost", /:4: lost is no status: expected seen, confirming/],
    ["at 09:00:00\nemit ops.funding_observation d seen amount 0.5", /:4: 0\.5 is no amount/],
    ['at 09:00:00\nemit exec.trade_result BTC/EURe c failed message "a b', /:4: a quotation mark/],
    ["at 09:00:00\nduplicate", /:4: nothing was emitted that could come twice/],
    ["at 09:00:00\nlag ops.liquidity", /:4: ops\.liquidity is no topic/],
    ["at 09:00:00\ncrash now", /:4: nothing is expected after that, but there is: now/],
    ["at 09:00:00\nexpect raised reference_price_stale BTC/EURe", /:4: the line ends where `at` is expected/],
    [
      "at 09:00:00\nexpect state fine reference_price_stale BTC/EURe",
      /:4: fine is no state: expected ok, pending/,
    ],
    ["at 09:00:00 without tick\nexpect nothing", /:4: nothing is decided `without tick`/],
    ["scenario another", /:3: a file holds one scenario/],
    ["# nothing more", /:3: nothing happens: add a line such as `at 09:00:00`/],
  ])("%j is told with its place", (text, message) => {
    expect(() => parseScenario("a.scenario", story(text))).toThrow(message)
  })

  it("tells that the title is missing", () => {
    expect(() => parseScenario("a.scenario", "\nat 09:00:00")).toThrow(/a\.scenario:2: the first line is/)
    expect(() => parseScenario("a.scenario", "# no\n")).toThrow(/the file is empty/)
  })
})

describe("a scenario that does not hold", () => {
  it("tells of an alert that nobody expected, as a line to copy", () => {
    expect(problemsOf(...stale.slice(0, 3))).toEqual([
      `a.scenario:5: nobody expected this alert\n  got expect raised reference_price_stale BTC/EURe at 09:00:30 seen 09:00:30 because "no price newer than 2026-11-23T09:00:00.000Z: older than 30 s" episode 1`,
    ])
  })

  it("tells of an expected alert that did not come", () => {
    expect(
      problemsOf(...stale, "at 09:00:31", "  expect cleared reference_price_stale BTC/EURe at 09:00:31"),
    ).toEqual(["a.scenario:8: expected cleared reference_price_stale BTC/EURe, and there is none"])
  })

  it("tells what about an alert or a state is not as expected", () => {
    const text =
      "  expect raised reference_price_stale BTC/EURe at 09:00:29.999 because gone severity warning episode 2"
    expect(
      problemsOf(...stale.slice(0, 3), text, "  expect state ok reference_price_stale BTC/EURe"),
    ).toEqual([
      expect.stringMatching(
        /^a\.scenario:6: time: expected 09:00:29\.999, got 09:00:30; reason: expected gone, got no price .*; episode: expected 2, got 1; severity: expected warning, got critical\n {2}got expect raised/,
      ),
      "a.scenario:7: expected reference_price_stale of BTC/EURe to be ok, but it is raised",
    ])
  })

  it("finds a rule that remembers more than its rows", () => {
    let asked = 0
    const forgetful = alertRules.map((rule) =>
      rule.code === "reference_price_stale" ? { ...rule, facts: () => ({ asked: ++asked }) } : rule,
    )
    const problems = scenarioProblems(parseScenario("a.scenario", story(...stale)), forgetful)
    for (const manner of [
      "delivered twice",
      "written twice",
      "another order",
      "crash at commit point 0",
      "from its cut",
    ])
      expect(problems.join("\n")).toContain(manner)
  })
})
