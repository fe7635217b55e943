import { expect, test } from "vitest"
import type { Mutations } from "../src/plan.ts"
import { simulate } from "../src/simulate.ts"

/** The first problem found without a protection, within so many seeds. */
const firstFound = async (mutations: Mutations, seeds: number): Promise<string> => {
  for (let seed = 1; seed <= seeds; seed++) {
    const [problem] = (await simulate(seed, { mutations })).problems
    if (problem !== undefined) return problem
  }
  return `nothing was found within ${seeds} seeds`
}

test.each<readonly [without: string, mutations: Mutations, seeds: number, found: RegExp]>([
  ["compare-and-set", { blindWrites: true }, 30, /is evidence by the log and evidence and duplicate|Merkle/],
  ["its own topic read before the manager decides", { ownTopicUnread: true }, 30, /has the revisions/],
  ["its own topic read before the sentinel decides", { ownAlertsUnread: true }, 30, /has the transitions/],
  ["a lagging node that says so", { laggingTrusted: true }, 60, /though it was there all the time/],
  ["fencing", { unfenced: true }, 150, /has the revisions|has the transitions/],
])("without %s a seed fails soon", async (_, mutations, seeds, found) => {
  expect(await firstFound(mutations, seeds)).toMatch(found)
})
