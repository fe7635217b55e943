import type { AnyRule } from "../define-rule.ts"
import { alertRules } from "../rules/registry.ts"
import { difference } from "./difference.ts"
import { asWritten, type Play, play } from "./play.ts"
import type { Scenario } from "./scenario.ts"

/**
 * Plays the scenario once for each commit point, with the evaluator killed there: after each message it read, before its
 * alerts were committed, and after. Returns where other alerts came out than in the play without a death.
 */
export const crashProblems = (
  scenario: Scenario,
  written: Play,
  rules: ReadonlyArray<AnyRule> = alertRules,
): ReadonlyArray<string> =>
  Array.from({ length: written.commit_points }, (_, crash_at) =>
    difference(
      scenario,
      `with a crash at commit point ${crash_at}`,
      written,
      play(scenario, { ...asWritten, crash_at }, rules),
    ),
  ).flat()
