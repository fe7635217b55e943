import { optional } from "@landfall/adapters/config/field"
import { oneOf, text } from "@landfall/adapters/config/kinds"
import { letterStates } from "@landfall/adapters/dead-letters/letter"
import { type DeadLetter, type LetterCursor, listLetters } from "@landfall/adapters/dead-letters/list"
import { type Cursor, cursorOf, pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { topics } from "@landfall/domain/registry"
import { defineCommand } from "../define-command.ts"
import { exitCodes, UsageError } from "../exit-codes.ts"
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

const afterOf = (cursor: Cursor | null): LetterCursor | null => {
  if (cursor === null) return null
  const [ingestedAt = "", topic = "", partition, offset] = cursor
  const after = { ingestedAt, topic, partition: Number(partition), offset: Number(offset) }
  const isPlace = Number.isSafeInteger(after.partition) && Number.isSafeInteger(after.offset)
  if (!isPlace || Number.isNaN(Date.parse(ingestedAt)))
    throw new UsageError("--cursor: it is not a cursor of this list")
  return after
}

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
    cursor: optional(cursorOf("dead-letters", 4), "where the page begins"),
  },
  examples: [
    { line: "landfall dead-letters list --state open", for: "what somebody has to look at" },
    { line: "landfall dead-letters list --topic ref.market_price --json", for: "the same for programs" },
  ],
  run: async (context, { options: { limit, cursor, ...filter } }) => {
    const { output } = context
    const names = topics.map(({ name }) => name)
    const { value, standing } = await ask(context, names, (transaction) =>
      listLetters(transaction, filter, afterOf(cursor), limit + 1),
    )
    const page = pageOf("dead-letters", value, limit, (letter) => [
      letter.ingested_at,
      letter.topic,
      String(letter.topic_partition),
      String(letter.kafka_offset),
    ])
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
