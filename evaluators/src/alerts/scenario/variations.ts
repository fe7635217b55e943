import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import type { AnyRule } from "../define-rule.ts"
import type { ReadEvent } from "../evaluator.ts"
import { replayAlerts } from "../replay.ts"
import { alertRules } from "../rules/registry.ts"
import { checkPlay } from "./check.ts"
import { crashProblems } from "./crash-points.ts"
import { alertBytes, difference, withoutOffsets } from "./difference.ts"
import { asWritten, type Manner, type Play, play } from "./play.ts"
import type { Scenario } from "./scenario.ts"

const placeOf = ({ topic, partition }: ReadEvent): string => `${topic}/${partition}`

/** One stream of the partitions, which stay in order; `pick` says which of those that are left comes next. */
const merged = (
  pending: ReadonlyArray<ReadEvent>,
  pick: (left: number) => number,
): ReadonlyArray<ReadEvent> => {
  const queues = [...Map.groupBy(pending, placeOf).values()]
  const merged: ReadEvent[] = []
  while (queues.length > 0) {
    const place = pick(queues.length)
    const message = queues[place]?.shift()
    if (message !== undefined) merged.push(message)
    if (queues[place]?.length === 0) queues.splice(place, 1)
  }
  return merged
}

/** Numbers that look random and are the same each time: a linear congruential generator. */
const numbers = (seed: number): (() => number) => {
  let last = seed
  return () => {
    last = (Math.imul(last, 1_664_525) + 1_013_904_223) >>> 0
    return last >>> 8
  }
}

const shuffled = (seed: number): Manner => {
  const next = numbers(seed)
  return {
    ...asWritten,
    name: `with the inputs of each tick in another order (${seed})`,
    deliver: (pending) => merged(pending, (left) => next() % left),
  }
}

/** The ways of delivery that may not change a byte. */
const sameBytes: ReadonlyArray<Manner> = [
  {
    ...asWritten,
    name: "with each input delivered twice",
    deliver: (pending) => pending.flatMap((message) => [message, message]),
  },
  {
    ...asWritten,
    name: "with the partitions in reverse order",
    deliver: (pending) => merged(pending, (left) => left - 1),
  },
  ...[1, 2, 3].map(shuffled),
]

const replayProblems = (
  scenario: Scenario,
  { alerts, log, policies }: Play,
  rules: ReadonlyArray<AnyRule>,
): ReadonlyArray<string> => {
  const recorded: ReadonlyArray<Alert> = alerts.flat()
  const events = Object.keys(log.ends())
    .filter((topic) => topic !== alertTopic.name)
    .flatMap(log.messages)
  const replay = replayAlerts(events, recorded, { policies, rules })
  return [
    ...replay.alerts
      .filter(({ same }) => !same)
      .map(
        (one) =>
          `${scenario.file}: decided again from its cut it came out otherwise\n  was ${alertBytes(one.recorded)}\n  got ${
            one.replayed === null ? "nothing" : alertBytes(one.replayed)
          }`,
      ),
    ...replay.unexpected.map((alert) => `${scenario.file}: the replay also gives ${alertBytes(alert)}`),
  ]
}

/**
 * Plays a scenario as it is written, and then in every way that must make no difference: inputs delivered twice,
 * inputs written twice, inputs in another order within a tick, a death at every commit point, and each decision made
 * again from its cut. Returns every problem; an empty list is a scenario that holds.
 */
export const scenarioProblems = (scenario: Scenario, rules = alertRules): ReadonlyArray<string> => {
  const written = play(scenario, asWritten, rules)
  const problems = checkPlay(scenario, written)
  return problems.length > 0 ? problems : variationProblems(scenario, written, rules)
}

/** What comes out otherwise when the scenario is played in the ways that must make no difference. */
export const variationProblems = (
  scenario: Scenario,
  written: Play,
  rules = alertRules,
): ReadonlyArray<string> => {
  const problems: string[] = []
  for (const manner of sameBytes) {
    const other = play(scenario, manner, rules)
    problems.push(...difference(scenario, manner.name, written, other))
    for (const [line, state] of written.states)
      if (other.states.get(line) !== state)
        problems.push(
          `${scenario.file}:${line}: ${manner.name} it is ${other.states.get(line)}, not ${state}`,
        )
  }
  const doubled = play(scenario, { ...asWritten, copies: 2 }, rules)
  return [
    ...problems,
    ...difference(scenario, "with each input written twice", written, doubled, withoutOffsets),
    ...crashProblems(scenario, written, rules),
    ...replayProblems(scenario, written, rules),
  ]
}
