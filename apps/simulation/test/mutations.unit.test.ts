import { expect, test } from "vitest"
import type { Mutations, Plan } from "../src/plan.ts"
import { simulate } from "../src/simulate.ts"

/** What is found without a protection by the first seed that finds it, within so many. */
const firstFound = async (mutations: Mutations, given: Partial<Plan>, found: RegExp): Promise<string> => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { problems } = await simulate(seed, { mutations, given })
    const told = problems.find((problem) => found.test(problem))
    if (told !== undefined) return told
  }
  return `nothing was found within ${seeds} seeds`
}

const seeds = 40
const clocks = { moved: true, drift: 0, brokers_ms: 0, bridge_ms: 0, chains_ms: 0, brokersStamp: false }
const clampedClocks = { ...clocks, moved: false, brokers_ms: 1_800_000, brokersStamp: true }

// Each with the fault that the protection is against, which a seed alone may leave out.
test.each<readonly [without: string, mutations: Mutations, given: Partial<Plan>, found: RegExp]>([
  [
    "locks, compare-and-set and unique keys",
    { blindWrites: true },
    { secondInstances: true },
    /is evidence by the log and evidence and duplicate|Merkle/,
  ],
  ["its own topic read before the manager decides", { ownTopicUnread: true }, {}, /has the revisions/],
  ["its own topic read before the sentinel decides", { ownAlertsUnread: true }, {}, /has the transitions/],
  [
    "a lagging node that says so",
    { laggingTrusted: true },
    {
      nodeFaults: true,
      slowNodes: false,
      reorgs: true,
      rivals: true,
      observers: 1,
      pause: 0,
      chaos_ms: 80_000,
    },
    /though it was there all the time/,
  ],
  [
    "fencing",
    { unfenced: true },
    { secondInstances: true, uncertain: 0.3, pause: 0.006 },
    /has the revisions|has the transitions/,
  ],
  ["steady clocks", { wallClocks: true }, { clocks }, /said that it was|was raised, |was not raised, /],
  [
    "word of a log's damage",
    { damageUntold: true },
    { damagedLogs: true },
    /in the database|the log's last message ends at/,
  ],
  ["read_committed", { uncommittedRead: true }, { poison: true }, /by the log and|Merkle/],
  [
    "its own topic read before the sentinel folds",
    { clampsUnforetold: true },
    { clocks: clampedClocks, crash: 0.02 },
    /again gives another result/,
  ],
])("without %s a seed fails soon", async (_, mutations, given, found) => {
  expect(await firstFound(mutations, given, found)).toMatch(found)
})
