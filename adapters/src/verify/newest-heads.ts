import type { Attestation } from "../transparency-log/attestations.ts"
import { type MerkleLog, root } from "../transparency-log/merkle-log.ts"
import type { Verifier } from "../transparency-log/note-key.ts"
import { logOf } from "../transparency-log/origin.ts"
import type { AttestedHead } from "./attested.ts"

/** The most that was attested of a log. */
export interface NewestHead extends AttestedHead {
  /** The first position that it does not reach; for the log of acts, the next act's number. */
  readonly next: number
}

/** A log as the database states it. */
export interface StatedHead {
  readonly log: MerkleLog
  /** The first position that was not read. */
  readonly next: number
}

/** The newest head of each log by the log's name; of logs that a later attestation no longer names, too. */
export const newestHeads = (
  attestations: ReadonlyArray<Attestation>,
  { name }: Verifier,
): ReadonlyMap<string, NewestHead> => {
  const heads = new Map<string, NewestHead>()
  for (const { statement } of attestations)
    for (const { origin, size, root, next } of statement.logs) {
      const log = logOf(name, origin) ?? origin
      const known = heads.get(log)
      // A log only grows: the larger one is the newer, whatever the order in which somebody put a file together.
      if (known === undefined || size > known.size || (size === known.size && next >= known.next))
        heads.set(log, { size, root, next, at: statement.at })
    }
  return heads
}

/** Why a log, as it is stated, cannot hold what was attested of it; null when only its leaves can tell. */
export const fallsShort = ({ log, next }: StatedHead, head: NewestHead): string | null =>
  log.size >= head.size && next >= head.next
    ? null
    : `${attestedText(head)}, and the record has ${log.size} with root ${text(root(log))} up to position ${next}`

/** Why the root that the log had at the attested size is not the attested one; null when it is. */
export const partsFrom = ({ log }: StatedHead, head: NewestHead, then: Buffer): string | null =>
  then.equals(head.root)
    ? null
    : `${attestedText(head)}, and the first ${head.size} of the ${log.size} in the record make root ${text(then)}: the log does not extend what was attested`

const attestedText = ({ size, root, next, at }: NewestHead): string =>
  `${size} leaves with root ${text(root)} up to position ${next} were attested at ${at}`

const text = (hash: Buffer): string => hash.toString("base64")
