import { optional } from "@landfall/adapters/config/field"
import { oneOf, text } from "@landfall/adapters/config/kinds"
import { letterStates } from "@landfall/adapters/dead-letters/letter"
import { letterCursor, letterList, letterSort } from "@landfall/adapters/dead-letters/letter-page"
import { type DeadLetter, listLetters } from "@landfall/adapters/dead-letters/list"
import { pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { topics } from "@landfall/domain/registry"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"
import { ask, printStanding } from "../standing.ts"

const placeOf = (letter: DeadLetter): string =>
  `${letter.topic}/${letter.topic_partition}/${letter.kafka_offset}`

const detail = (letter: DeadLetter): ReadonlyArray<string> => [
  letter.reason,
  ...(letter.act_number === null
    ? []
    : [
        `${letter.state} by ${letter.acted_by} at ${letter.acted_at} (act ${letter.act_number}): ${letter.act_reason}`,
      ]),
]

/** `landfall dead-letters list`: what could not be read, and how it stands. */
export const deadLettersListCommand = defineCommand({
  name: "dead-letters list",
  summary: "Lists messages that could not be read, newest first, and how they stand",
  description:
    "A letter is open until it is retried, which makes it an event, or dismissed. The keys of open letters are degraded: their\nstate may lack the message.",
  options: {
    topic: optional(text, "only of this topic"),
    key: optional(text, "only with this message key"),
    state: optional(oneOf(letterStates), "only those that stand so"),
    limit: pageLimit,
    cursor: optional(letterCursor, "where the page begins"),
  },
  examples: [
    { line: "landfall dead-letters list --state open", for: "what somebody has to look at" },
    { line: "landfall dead-letters list --topic ref.market_price --json", for: "the same for programs" },
  ],
  run: async (context, { options: { limit, cursor, ...filter } }) => {
    const { output } = context
    const names = topics.map(({ name }) => name)
    const { value, standing } = await ask(context, names, (transaction) =>
      listLetters(transaction, filter, cursor, limit + 1),
    )
    const page = pageOf(letterList, value, limit, letterSort)
    output.result({ ...standing, ...page }, () => {
      output.table(
        [
          { title: "letter", of: placeOf },
          { title: "state", of: ({ state }) => state },
          { title: "key", of: ({ message_key }) => message_key },
          { title: "bytes", of: ({ value_bytes }) => value_bytes, align: "right" },
          { title: "recorded", of: ({ ingested_at }) => ingested_at },
        ],
        page.items,
        "no such letter",
        detail,
      )
      if (page.next_cursor !== null) output.line(`\nmore: add --cursor ${page.next_cursor}`)
      printStanding(context, standing)
    })
    return exitCodes.ok
  },
})
