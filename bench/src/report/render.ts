import { type Missing, type Result, reaches, type Section, type Target, type Unit } from "./section.ts"
import { median } from "./statistics.ts"

/** The machine and the versions that a report is about, as lines of text. */
export type Circumstances = ReadonlyArray<string>

/** A number as people read it: no more digits than it is worth. */
export const shown = (value: number, unit: Unit): string => {
  if (!Number.isFinite(value)) return "–"
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 4
  const number = value.toLocaleString("en-US", { maximumFractionDigits: digits })
  return unit === "×" ? `${number} ×` : `${number} ${unit}`
}

const targetText = (target: Target | null, unit: Unit): string => {
  if (target === null) return ""
  return "least" in target ? `≥ ${shown(target.least, unit)}` : `≤ ${shown(target.most, unit)}`
}

const isMissing = (result: Result | Missing): result is Missing => "missing" in result

/** `reached`, `short`, nothing where there is no target, or why there is no result. */
export const verdict = (result: Result | Missing): string => {
  if (isMissing(result)) return `not measured: ${result.missing}`
  if (result.target === null) return ""
  return reaches(median(result.runs), result.target) ? "reached" : "**short**"
}

const row = (...cells: ReadonlyArray<string>): string => `| ${cells.map(escapeCell).join(" | ")} |`
const escapeCell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const resultRow = (result: Result | Missing): ReadonlyArray<string> =>
  isMissing(result)
    ? [result.name, "", "–", verdict(result)]
    : [
        result.name,
        targetText(result.target, result.unit),
        shown(median(result.runs), result.unit),
        verdict(result),
      ]

const spread = (runs: ReadonlyArray<number>, unit: Unit): string =>
  runs.length < 2 ? "" : `${shown(Math.min(...runs), unit)} to ${shown(Math.max(...runs), unit)}`

const sectionText = (section: Section): string =>
  [
    `## ${section.title}`,
    "",
    section.how,
    "",
    `Repeat: \`npm run bench -- ${section.name}\``,
    "",
    row("Measured", "Median", "From, to", "Runs"),
    "| --- | --- | --- | --- |",
    ...section.figures.map(({ name, unit, runs }) =>
      row(name, shown(median(runs), unit), spread(runs, unit), String(runs.length)),
    ),
    "",
    row("Result", "To reach", "Reached", ""),
    "| --- | --- | --- | --- |",
    ...section.results.map((result) => row(...resultRow(result))),
    ...section.remarks.flatMap((remark) => ["", remark]),
    "",
  ].join("\n")

/** The whole report in Markdown. `failures` are benchmarks that gave nothing, with why. */
export const reportText = (
  command: string,
  circumstances: Circumstances,
  sections: ReadonlyArray<Section>,
  failures: ReadonlyArray<string>,
): string =>
  [
    "# Benchmarks",
    "",
    `One run of \`${command}\`.`,
    "Each figure is the median of runs that alternate with what they are compared with; a ratio is the median of the ratios run",
    "by run. Made by the benchmark itself: run it again rather than edit it.",
    "",
    ...circumstances.map((line) => `- ${line}`),
    "",
    row("", "To reach", "Reached", ""),
    "| --- | --- | --- | --- |",
    ...sections
      .flatMap(({ results }) => results)
      .filter((result) => isMissing(result) || result.target !== null)
      .map((result) => row(...resultRow(result))),
    ...(failures.length === 0 ? [] : ["", ...failures.map((failure) => `- Failed: ${failure}`)]),
    "",
    ...sections.map(sectionText),
  ].join("\n")

/** A section for the terminal. */
export const terminalText = (section: Section): string =>
  [
    "",
    section.title,
    ...section.figures.map(
      ({ name, unit, runs }) =>
        `  ${name}: ${shown(median(runs), unit)}${runs.length < 2 ? "" : ` (${spread(runs, unit)}, ${runs.length} runs)`}`,
    ),
    ...section.results.map((result) => {
      const [name, target, value, word] = resultRow(result)
      return `  → ${name}: ${value}${target === "" ? "" : ` (to reach: ${target})`} ${word?.replaceAll("*", "")}`.trimEnd()
    }),
    ...section.remarks.map((remark) => `  ${remark}`),
    "",
  ].join("\n")
