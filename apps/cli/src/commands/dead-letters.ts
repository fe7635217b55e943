import { userInfo } from "node:os"
import { optional, required } from "@landfall/adapters/config/field"
import { text } from "@landfall/adapters/config/kinds"
import type { Actor } from "@landfall/adapters/dead-letters/acts"
import { listLetters } from "@landfall/adapters/dead-letters/list"
import type { LetterPlace } from "@landfall/adapters/dead-letters/place"
import { letterPlaces } from "@landfall/adapters/dead-letters/place-kind"
import { retryLettersMax } from "@landfall/adapters/dead-letters/retry"
import type { Context } from "../context.ts"
import { UsageError } from "../exit-codes.ts"

/** The arguments of an act on dead letters. */
export const whichArguments = { places: optional(letterPlaces, "the letters; or choose them with --topic") }

/** Whose act it is, why, and the other way to say which letters. */
export const actOptions = {
  why: required(text, "why, for the record"),
  by: optional(text, "who acts, for the record; the name of this system's user if left out"),
  topic: optional(text, "all open letters of this topic, instead of places"),
  key: optional(text, "with --topic, only those with this message key"),
}

/** Who acts: as they say, or as this system knows them. */
export const actorOf = (options: { readonly why: string; readonly by: string | null }): Actor => ({
  by: options.by ?? userInfo().username,
  why: options.why,
})

/** The letters that are meant: those named, or the open ones of a topic. */
export const chosen = async (
  { connections }: Context,
  places: ReadonlyArray<LetterPlace> | null,
  { topic, key }: { readonly topic: string | null; readonly key: string | null },
): Promise<ReadonlyArray<LetterPlace>> => {
  if ((places === null) === (topic === null))
    throw new UsageError("name the letters, or choose them with --topic: one of the two")
  if (key !== null && topic === null) throw new UsageError("--key belongs to --topic")
  if (places !== null) return places
  const open = await connections
    .database("landfall_auditor")
    .transaction((transaction) =>
      listLetters(transaction, { topic, key, state: "open" }, null, retryLettersMax + 1),
    )
  if (open.length > retryLettersMax)
    throw new UsageError(
      `more than ${retryLettersMax} letters are open there, the most that is done at once: choose a key, or name them`,
    )
  return open.map((letter) => ({
    topic: letter.topic,
    partition: letter.topic_partition,
    offset: letter.kafka_offset,
  }))
}
