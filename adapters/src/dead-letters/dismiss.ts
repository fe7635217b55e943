import type { Database } from "../postgres/transaction.ts"
import { type Actor, claimActs, recordActs } from "./acts.ts"
import { readLetters } from "./letter.ts"
import { type LetterPlace, placeName } from "./place.ts"

/** A letter was settled before, so that this cannot be done with it. */
export class LetterSettled extends Error {
  override readonly name = "LetterSettled"
}

/**
 * Records that the letters are no loss: all of them, or none. They keep their bytes and can still be retried. Throws
 * {@link LetterSettled} for one that was dismissed before, or retried: that one is an event, and events are not taken back.
 */
export const dismissLetters = (
  database: Database,
  places: ReadonlyArray<LetterPlace>,
  actor: Actor,
): Promise<{ readonly dismissed: number }> =>
  database.transaction(async (transaction) => {
    await claimActs(transaction)
    const letters = await readLetters(transaction, places)
    const settled = letters.filter(({ state }) => state !== "open")
    if (settled.length > 0)
      throw new LetterSettled(
        `${settled
          .map(
            (letter) =>
              `${placeName(letter)} was ${letter.state} by ${letter.settled?.by} in act ${letter.settled?.actNumber} (${letter.settled?.why})`,
          )
          .join("; ")}; nothing was changed${
          settled.some(({ state }) => state === "retried")
            ? ": a retried letter counts as an event, and a correction of an event is a new event"
            : ""
        }`,
      )
    await recordActs(
      transaction,
      actor,
      letters.map((letter) => ({
        place: letter,
        letterLeaf: letter.leafHash,
        act: "dismissed" as const,
        eventId: null,
        outcome: `no longer degrades its key; what was read then: ${letter.reason}`.slice(0, 500),
      })),
    )
    return { dismissed: letters.length }
  })
