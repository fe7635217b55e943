import { hash } from "node:crypto"
import { type LetterPlace, placeName } from "./place.ts"

/** What an operator can do about a letter; a retry that changed nothing is an act as well. */
export type ActKind = "retried" | "retry_refused" | "dismissed"

/** An act as it is recorded. */
export interface Act {
  readonly number: number
  readonly place: LetterPlace
  readonly act: ActKind
  /** The id under which the letter counts as an event; null unless it was retried. */
  readonly eventId: string | null
  /** Who and why, as they say. */
  readonly actedBy: string
  readonly reason: string
  /** What came of it. */
  readonly outcome: string
  /** The login that the server saw. */
  readonly databaseLogin: string
  readonly actedAtMs: number
}

/**
 * The RFC 6962 leaf hash of an act: SHA-256 over 0x00 and a JSON array of its parts, the last of which is the leaf hash of
 * the letter that it is about. So acts can be a log of their own, and a letter changed afterwards no longer fits its act.
 */
export const actLeaf = (act: Act, letterLeaf: Buffer): Buffer => {
  const leaf = JSON.stringify([
    act.number,
    placeName(act.place),
    act.act,
    act.eventId,
    act.actedBy,
    act.reason,
    act.outcome,
    act.databaseLogin,
    act.actedAtMs,
    letterLeaf.toString("hex"),
  ])
  return hash("sha256", Buffer.concat([Buffer.of(0), Buffer.from(leaf, "utf8")]), "buffer")
}
