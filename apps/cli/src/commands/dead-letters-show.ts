import { required, withDefault } from "@landfall/adapters/config/field"
import { integer } from "@landfall/adapters/config/kinds"
import { decodeHeaders } from "@landfall/adapters/dead-letters/headers"
import { judgeLetters } from "@landfall/adapters/dead-letters/judge"
import { type Letter, readLetters } from "@landfall/adapters/dead-letters/letter"
import { listActs } from "@landfall/adapters/dead-letters/list"
import { placeName } from "@landfall/adapters/dead-letters/place"
import { letterPlace } from "@landfall/adapters/dead-letters/place-kind"
import type { Transaction } from "@landfall/adapters/postgres/transaction"
import { topicByName } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"
import { asText, hexLines, shownBytes } from "../output/bytes.ts"
import { printable } from "../output/printable.ts"
import { ask, printStanding } from "../standing.ts"

/** What reading it now would come to, in one sentence. */
const todayOf = async (transaction: Transaction, letter: Letter): Promise<string> => {
  const topic = topicByName(letter.topic)
  if (topic === undefined) return "this program does not know the topic"
  const [verdict] = await judgeLetters(transaction, topic, [letter])
  if (verdict === undefined) return "nothing"
  return verdict.ok ? `it can be read: a retry makes it the event ${verdict.eventId}` : verdict.outcome
}

const bytesOf = (bytes: Buffer | null) =>
  bytes === null ? null : { text: asText(bytes), base64: bytes.toString("base64") }

/** `landfall dead-letters show`: one letter with its bytes. */
export const deadLettersShowCommand = defineCommand({
  name: "dead-letters show",
  summary: "Shows one dead letter: its bytes, why it could not be read, and what was done about it",
  description: "It also says what reading the letter again with this program would come to.",
  arguments: { letter: required(letterPlace, "the letter") },
  options: {
    bytes: withDefault(
      integer({ min: 0, max: 100_000_000 }),
      "4096",
      "how many bytes of the value to dump; --json has them all",
    ),
  },
  examples: [
    { line: "landfall dead-letters show ref.market_price/0/42", for: "what came, byte by byte" },
    {
      line: "landfall dead-letters show ref.market_price/0/42 --json | jq -r .value.base64 | base64 -d",
      for: "the exact bytes",
    },
  ],
  run: async (context, { arguments: { letter: place }, options }) => {
    const { output } = context
    const { value, standing } = await ask(context, [place.topic], async (transaction) => {
      const [letter] = (await readLetters(transaction, [place])) as [Letter]
      return {
        letter,
        today: await todayOf(transaction, letter),
        acts: await listActs(transaction, place),
      }
    })
    const { letter, today, acts } = value
    const headers = decodeHeaders(letter.headers)
    const kafka_at = letter.kafkaTimestampMs < 0 ? null : timestamp(letter.kafkaTimestampMs)
    const result = {
      ...standing,
      letter: placeName(letter),
      state: letter.state,
      reason: letter.reason,
      today,
      kafka_at,
      ingested_at: timestamp(letter.ingestedAtMs),
      key: bytesOf(letter.key),
      headers: headers?.map(({ name, value }) => ({ name, value: bytesOf(value) })) ?? null,
      value: bytesOf(letter.value),
      leaf_hash: letter.leafHash.toString("hex"),
      acts,
    }
    output.result(result, () => {
      const line = (name: string, text: string): void => output.line(`${name.padEnd(9)} ${printable(text)}`)
      line("letter", result.letter)
      line("state", letter.state)
      line("reason", letter.reason)
      line("today", today)
      line("sent", kafka_at ?? "Kafka did not say")
      line("recorded", result.ingested_at)
      line("leaf hash", result.leaf_hash)
      line("key", letter.key === null ? "none" : shownBytes(letter.key))
      for (const { name, value } of headers ?? [])
        line("header", `${name}: ${value === null ? "no value" : shownBytes(value)}`)
      for (const act of acts)
        line(
          `act ${act.act_number}`,
          `${act.act} at ${act.acted_at} by ${act.acted_by} (login ${act.database_login}): ${act.reason}; ${act.outcome}`,
        )
      const shown = letter.value?.subarray(0, options.bytes)
      line("value", letter.value === null ? "none" : `${letter.value.length} bytes`)
      if (shown !== undefined) {
        if (asText(shown) !== null) output.line(`\n${shownBytes(shown)}\n`)
        for (const text of hexLines(shown)) output.line(text)
        const left = (letter.value?.length ?? 0) - shown.length
        if (left > 0) output.line(`and ${left} bytes more: --bytes ${letter.value?.length}`)
      }
      printStanding(context, standing)
    })
    return exitCodes.ok
  },
})
