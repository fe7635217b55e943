import { brokenOf, countsOf, type Outcome } from "./outcome.ts"
import { inWords } from "./plan.ts"

/** Where and when a run was made. */
export interface Circumstances {
  readonly started_at: string
  readonly machine: string
  readonly load: string
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")
const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n")
const seconds = (ms: number): string => (ms / 1000).toFixed(1)

/** How the same seed is run again. */
export const repetition = ({ seed, minutes, rate }: Pick<Outcome, "seed" | "minutes" | "rate">): string =>
  `npm run chaos -- --seed ${seed} --minutes ${minutes}${rate === 2_000 ? "" : ` --rate ${rate}`}`

/** The report of a run, as Markdown. */
export const reportOf = (outcome: Outcome, circumstances: Circumstances): string => {
  const { injected, deposits, liveness, held, ownEnds, remarks, events, chaos_ms } = outcome
  const broken = brokenOf(outcome)
  const made = injected.filter(({ failed }) => failed === null).length
  const perSecond = Math.round(events / (chaos_ms / 1000))
  const sections = [
    `# Chaos, seed ${outcome.seed}`,
    `${broken.length === 0 ? "Everything held." : `**${broken.length} did not hold.**`} ${made} faults within ${(chaos_ms / 60_000).toFixed(1)} minutes, ${events} events (${perSecond} a second) and ${deposits.bitcoin + deposits.gnosis} deposits (${deposits.bitcoin} on Bitcoin, ${deposits.replaced} of them replaced by their sender; ${deposits.gnosis} on Gnosis).`,
    `Started at ${circumstances.started_at} on ${circumstances.machine}; load of the machine at the end: ${circumstances.load}. To repeat it: \`${repetition(outcome)}\`.`,
    ...(broken.length === 0
      ? []
      : ["## What did not hold", broken.map((line) => `- ${cell(line)}`).join("\n")]),
    "## What was injected",
    table(
      ["Fault", "Times", "Could not be made"],
      countsOf(injected).map(([kind, count]) => [
        kind.replaceAll("_", " "),
        String(count.made),
        count.failed === 0 ? "" : String(count.failed),
      ]),
    ),
    "## What held",
    table(
      ["Must hold", "Held against", "Broken"],
      held.map(({ what, seen, broken }) => [
        what,
        seen,
        broken.length === 0 ? "never" : `${broken.length} times`,
      ]),
    ),
    "## After the healing",
    table(
      ["Must come to hold within 60 s", "Held after", "Waited last for"],
      liveness.map(({ what, after_ms, missing, waited }) => [
        what,
        after_ms === null ? `not: ${missing}` : `${seconds(after_ms)} s`,
        waited,
      ]),
    ),
    "## Processes that ended by themselves",
    ownEnds.length === 0
      ? "None."
      : ownEnds
          .map(
            ({ name, at_ms, code, signal, lastWords }) =>
              `- ${name} after ${seconds(at_ms)} s with ${code ?? signal}: \`${cell(lastWords).replaceAll("`", "'")}\``,
          )
          .join("\n"),
    ...(remarks.length === 0 ? [] : ["## Remarks", remarks.map((line) => `- ${cell(line)}`).join("\n")]),
    "## Every fault in its order",
    table(
      ["At", "Fault", "Took", ""],
      injected.map(({ at_ms, fault, took_ms, failed }) => [
        `${seconds(at_ms)} s`,
        inWords(fault),
        `${seconds(took_ms)} s`,
        failed === null ? "" : `not made: ${failed}`,
      ]),
    ),
  ]
  return `${sections.join("\n\n")}\n`
}
