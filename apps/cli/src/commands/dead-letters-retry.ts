import type { LetterPlace } from "@landfall/adapters/dead-letters/place"
import { type Retried, type RetryOptions, retryLetters } from "@landfall/adapters/dead-letters/retry"
import { toJson } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import type { Context } from "../context.ts"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"
import { actOptions, actorOf, chosen, whichArguments } from "./dead-letters.ts"

/** What is said of each letter and row, in the same words before and after. */
const linesOf = ({ letters, rows }: Retried): ReadonlyArray<string> => [
  ...letters.map(({ place, retried, outcome }) => `${retried ? "event  " : "refused"}  ${place}: ${outcome}`),
  ...rows.flatMap(({ projection, key, change, before, after }) => [
    `row      ${projection} ${key} ${change === "unchanged" ? "stays as it is" : `is ${change}`}`,
    ...(change === "changed" ? changedFields(before, after) : []),
  ]),
]

const changedFields = (before: unknown, after: unknown): ReadonlyArray<string> => {
  const old = new Map(Object.entries(before as object))
  return Object.entries(after as object)
    .filter(([name, value]) => toJson(value) !== toJson(old.get(name)))
    .map(([name, value]) => `           ${name}: ${toJson(old.get(name)) ?? "nothing"} -> ${toJson(value)}`)
}

const retryAll = async (
  { connections, output }: Context,
  places: ReadonlyArray<LetterPlace>,
  options: RetryOptions,
): Promise<Retried> => {
  const parts: Retried[] = []
  const database = connections.database(options.dryRun === true ? "landfall_auditor" : "landfall_operator")
  for (const [topic, ofTopic] of Map.groupBy(places, (place) => place.topic)) {
    const progress = output.progress(`reading ${topic}`)
    let events = 0
    const onProgress = (read: number): void => {
      events += read
      progress.at(events, null)
    }
    try {
      parts.push(await retryLetters(database, ofTopic, { ...options, onProgress }))
    } finally {
      progress.end()
    }
  }
  return { letters: parts.flatMap(({ letters }) => letters), rows: parts.flatMap(({ rows }) => rows) }
}

/** `landfall dead-letters retry`: reads letters again, and makes events of those that can be read now. */
export const deadLettersRetryCommand = defineCommand({
  name: "dead-letters retry",
  summary: "Reads dead letters again with this program; what can be read now counts as an event from now on",
  description:
    "The event stands in its own place in the log: each row that it belongs to is folded again from all its events in order.\nA letter is refused while it cannot be read, and when its id is another event's. Everything is recorded, refusals too.\nExit code 1 when a letter was refused.",
  arguments: whichArguments,
  options: actOptions,
  changes: true,
  examples: [
    {
      line: 'landfall dead-letters retry ref.market_price/0/42 --why "the reader is fixed" --dry-run',
      for: "what would become of it",
    },
    {
      line: 'landfall dead-letters retry --topic ref.market_price --why "the reader is fixed" --yes',
      for: "every open letter of the topic",
    },
  ],
  run: async (context, { arguments: { places: named }, options }) => {
    const { output } = context
    const actor = actorOf(options)
    const places = await chosen(context, named, options)
    const plan = await retryAll(context, places, { actor, dryRun: true })
    const text = linesOf(plan).map(printable).join("\n")
    const agreed =
      places.length > 0 &&
      (await context.mayChange(
        `${actor.by} retries ${places.length} letters, because: ${actor.why}\n${text}`,
      ))
    const done = agreed ? await retryAll(context, places, { actor }) : plan
    output.result({ as_of: timestamp(context.now()), done: agreed, ...done }, () => {
      if (places.length === 0) output.line("no letter is open there")
      if (agreed) for (const line of linesOf(done)) output.line(printable(line))
    })
    const events = done.letters.filter(({ retried }) => retried).length
    if (agreed && events > 0)
      output.note(
        "services that hold this state in memory read it when they start: restart those of the topic",
      )
    return events === done.letters.length ? exitCodes.ok : exitCodes.failed
  },
})
