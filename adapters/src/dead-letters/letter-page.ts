import { Timestamp } from "@landfall/domain/timestamp"
import { Schema } from "effect"
import type { Kind } from "../config/field.ts"
import { type Cursor, cursorOf } from "../http/pagination.ts"
import type { DeadLetter, LetterCursor } from "./list.ts"
import { parsePlace } from "./place.ts"

/** The name of the list in its cursors. */
export const letterList = "dead-letters"

const isTimestamp = Schema.is(Timestamp)
const raw = cursorOf(letterList, 4)

/** Where a page of dead letters begins, as `next_cursor` gave it. */
export const letterCursor: Kind<LetterCursor> = {
  ...raw,
  read: (text) => {
    const read = raw.read(text)
    if (!read.ok) return read
    const [ingestedAt = "", ...parts] = read.value
    const place = parsePlace(parts.join("/"))
    return place === null || !isTimestamp(ingestedAt)
      ? { ok: false, problem: "it is not a cursor of this list" }
      : { ok: true, value: { ingestedAt, ...place } }
  },
}

/** The sort values of a letter, from which the cursor of the page after it is made. */
export const letterSort = (letter: DeadLetter): Cursor => [
  letter.ingested_at,
  letter.topic,
  String(letter.topic_partition),
  String(letter.kafka_offset),
]
