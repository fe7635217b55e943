import { fromBase64 } from "./base64.ts"
import { readSize, readTreeHead, type TreeHead } from "./checkpoint-note.ts"
import { leafOf } from "./leaf.ts"
import { NoteRefused, openNote } from "./note.ts"
import type { Verifier } from "./note-key.ts"
import { includes } from "./proof.ts"

/** A proof that does not prove: malformed, of another leaf or log, or under a checkpoint that is not signed. */
export class ProofRefused extends Error {
  override readonly name = "ProofRefused"
}

/** A proof (c2sp.org/tlog-proof) that a message is in a log, for somebody who has nothing but the log's public key. */
export interface TlogProof {
  /** The message as its leaf hash covers it, so that nothing else is needed to check it. */
  readonly message: Buffer
  readonly index: number
  readonly hashes: ReadonlyArray<Buffer>
  /** The signed checkpoint, word for word. */
  readonly checkpoint: string
}

const firstLine = "c2sp.org/tlog-proof@v1"
/** A tree of 2^64 leaves has no longer proof. */
const hashesMax = 64

/** The proof as text. */
export const tlogProofText = ({ message, index, hashes, checkpoint }: TlogProof): string =>
  [
    firstLine,
    `extra ${message.toString("base64")}`,
    `index ${index}`,
    ...hashes.map((hash) => hash.toString("base64")),
    "",
    checkpoint,
  ].join("\n")

/** Reads the text of a proof, unchecked. Throws {@link ProofRefused}. */
export const readTlogProof = (text: string): TlogProof => {
  const end = text.indexOf("\n\n")
  const [first, extra = "", index = "", ...hashes] = text.slice(0, Math.max(0, end)).split("\n")
  if (first !== firstLine) throw new ProofRefused(`this is no proof: its first line is not ${firstLine}`)
  const message = extra.startsWith("extra ") ? fromBase64(extra.slice(6)) : null
  if (message === null)
    throw new ProofRefused(
      "the proof has no extra line with the message, without which its leaf is not known",
    )
  const place = index.startsWith("index ") ? readSize(index.slice(6)) : null
  if (place === null) throw new ProofRefused(`the proof has no index: ${JSON.stringify(index.slice(0, 100))}`)
  if (hashes.length > hashesMax)
    throw new ProofRefused(`the proof has ${hashes.length} hashes, more than any tree`)
  const read = hashes.map((line) => {
    const hash = fromBase64(line)
    if (hash?.length !== 32)
      throw new ProofRefused(`this is no hash of a proof: ${JSON.stringify(line.slice(0, 100))}`)
    return hash
  })
  return { message, index: place, hashes: read, checkpoint: text.slice(end + 2) }
}

/** What a checked proof shows: this message is leaf `index` of that signed log. */
export interface Proved {
  readonly message: Buffer
  readonly index: number
  readonly head: TreeHead
}

/** Checks a proof against the log's public key alone. Throws {@link ProofRefused} or {@link NoteRefused} with the reason. */
export const checkTlogProof = (text: string, verifier: Verifier): Proved => {
  const { message, index, hashes, checkpoint } = readTlogProof(text)
  const head = readTreeHead(openNote(checkpoint, verifier))
  if (!head.origin.startsWith(`${verifier.name}/`))
    throw new NoteRefused(`the checkpoint is of ${head.origin}, no log of ${verifier.name}`)
  if (!includes(hashes, { index, leaf: leafOf(message), size: head.size, root: head.root }))
    throw new ProofRefused(
      `the message is not leaf ${index} of ${head.origin} at size ${head.size}: message, index or hashes were changed, or are of another log`,
    )
  return { message, index, head }
}
