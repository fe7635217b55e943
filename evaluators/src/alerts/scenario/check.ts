import { epochMs } from "@landfall/domain/timestamp"
import type { Alert } from "@landfall/domain/topics/alert"
import type { Play } from "./play.ts"
import type { ExpectedAlert, Scenario } from "./scenario.ts"
import { spokenInstant } from "./words.ts"

/** Everything in which a play differs from what the scenario expects, one text each, with file and line. */
export const checkPlay = (scenario: Scenario, { alerts, states }: Play): ReadonlyArray<string> =>
  scenario.moments.flatMap((moment, place) => [
    ...checkAlerts(scenario, moment.line, moment.alerts, alerts[place] ?? []),
    ...moment.states.flatMap(({ line, state, code, subject }) => {
      const found = states.get(line)
      return found === state
        ? []
        : [`${scenario.file}:${line}: expected ${code} of ${subject} to be ${state}, but it is ${found}`]
    }),
  ])

/**
 * Each expected alert is held against the one of its status, code and subject. Within a tick
 * clears come before raises, each in the order of their keys, which hold ids that nobody can foresee: a scenario need
 * not know it.
 */
const checkAlerts = (
  scenario: Scenario,
  line: number,
  expected: ReadonlyArray<ExpectedAlert>,
  emitted: ReadonlyArray<Alert>,
): ReadonlyArray<string> => {
  const left = [...emitted]
  const problems = expected.flatMap((want) => {
    const subject = scenario.names.get(want.subject) ?? want.subject
    const place = left.findIndex(
      (alert) =>
        alert.status === want.status && alert.alert_code === want.code && subjectOf(alert) === subject,
    )
    const got = place < 0 ? undefined : left.splice(place, 1)[0]
    if (got === undefined)
      return [
        `${scenario.file}:${want.line}: expected ${want.status} ${want.code} ${want.subject}, and there is none`,
      ]
    const wrong = differences(scenario, want, got)
    return wrong.length === 0
      ? []
      : [`${scenario.file}:${want.line}: ${wrong.join("; ")}\n  got ${written(scenario, got)}`]
  })
  const unexpected = left.map(
    (alert) => `${scenario.file}:${line}: nobody expected this alert\n  got ${written(scenario, alert)}`,
  )
  return [...problems, ...unexpected]
}

const subjectOf = (alert: Alert): string => String(alert.details["subject"])

const differences = (scenario: Scenario, want: ExpectedAlert, got: Alert): ReadonlyArray<string> => {
  const at = (at_ms: number): string => spokenInstant(at_ms, dayOf(scenario))
  const when_ms = epochMs(got.cleared_at ?? got.raised_at)
  const compared: ReadonlyArray<readonly [what: string, want: string | undefined, got: string]> = [
    ["time", at(want.at_ms), at(when_ms)],
    [
      "seen",
      want.seen_ms === undefined ? undefined : at(want.seen_ms),
      at(epochMs(got.details.evaluated_at)),
    ],
    ["reason", want.reason, got.reason],
    ["episode", want.episode === undefined ? undefined : String(want.episode), String(got.episode)],
    ["severity", want.severity, got.severity],
    ["first", want.first_ms === undefined ? undefined : at(want.first_ms), at(epochMs(got.first_raised_at))],
  ]
  return compared
    .filter(([, wanted, found]) => wanted !== undefined && wanted !== found)
    .map(([what, wanted, found]) => `${what}: expected ${wanted}, got ${found}`)
}

const dayOf = ({ moments }: Scenario): string => new Date(moments[0]?.at_ms ?? 0).toISOString().slice(0, 10)

/** The alert as an `expect` line, so that it can be copied into the file. */
const written = (scenario: Scenario, alert: Alert): string => {
  const at = (time: string): string => spokenInstant(epochMs(time), dayOf(scenario))
  const name = [...scenario.names].find(([, id]) => id === subjectOf(alert))?.[0] ?? subjectOf(alert)
  return `expect ${alert.status} ${alert.alert_code} ${name} at ${at(alert.cleared_at ?? alert.raised_at)} seen ${at(
    alert.details.evaluated_at,
  )} because "${alert.reason}" episode ${alert.episode}`
}
