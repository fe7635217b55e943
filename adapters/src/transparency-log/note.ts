import { sign, verify } from "node:crypto"
import { fromBase64 } from "./base64.ts"
import { isKeyName, type Signer, type Verifier } from "./note-key.ts"

/** A note that cannot be trusted: no note at all, not signed by a known key, or its signature does not fit. */
export class NoteRefused extends Error {
  override readonly name = "NoteRefused"
}

/** The most signature lines that are looked at (the format asks for at least 16). */
const signaturesMax = 100
const signatureMark = "— "

/** A signed note (c2sp.org/signed-note): the text, which ends in a newline, a blank line, and one signature line. */
export const signNote = (text: string, signer: Signer): string => {
  if (!isNoteText(text))
    throw new NoteRefused(
      "the text of a note ends in a newline and has no control characters; nothing was signed",
    )
  const signature = sign(null, Buffer.from(text, "utf8"), signer.pem)
  const stamp = Buffer.concat([signer.verifier.id, signature]).toString("base64")
  return `${text}\n${signatureMark}${signer.verifier.name} ${stamp}\n`
}

/**
 * The text of a note that the key signed. Signatures of other keys are passed over, as the format asks. Throws
 * {@link NoteRefused} with the reason.
 */
export const openNote = (note: string, verifier: Verifier): string => {
  const { text, signatures } = splitNote(note)
  const mine = signatures.filter(({ name, id }) => name === verifier.name && id.equals(verifier.id))
  if (mine.length === 0)
    throw new NoteRefused(
      `the note is not signed by ${verifier.name}+${verifier.id.toString("hex")}; it has signatures of ${signatures
        .map(({ name, id }) => `${name}+${id.toString("hex")}`)
        .join(", ")}`,
    )
  const key = { key: verifier.spki, format: "der", type: "spki" } as const
  const fits = ({ signature }: SignatureLine): boolean =>
    signature.length === 64 && verify(null, Buffer.from(text, "utf8"), key, signature)
  if (!mine.every(fits))
    throw new NoteRefused(
      `the signature of ${verifier.name} does not fit the text: the note was changed, or another key made it`,
    )
  return text
}

interface SignatureLine {
  readonly name: string
  /** 4 bytes. */
  readonly id: Buffer
  readonly signature: Buffer
}

/** The text and the signatures of a note, unchecked: whoever shows the text without {@link openNote} shows a claim. */
export const splitNote = (
  note: string,
): { readonly text: string; readonly signatures: ReadonlyArray<SignatureLine> } => {
  const at = note.lastIndexOf("\n\n")
  const text = note.slice(0, at + 1)
  if (at < 0 || !isNoteText(text) || !note.endsWith("\n"))
    throw new NoteRefused(
      "this is no signed note: it has no text, blank line and signature lines, or holds control characters",
    )
  const lines = note.slice(at + 2, -1).split("\n")
  if (lines.length > signaturesMax)
    throw new NoteRefused(`the note has ${lines.length} signature lines, more than ${signaturesMax}`)
  return { text, signatures: lines.map(signatureLine) }
}

const signatureLine = (line: string): SignatureLine => {
  const space = line.indexOf(" ", signatureMark.length)
  const name = line.slice(signatureMark.length, space)
  const bytes = fromBase64(line.slice(space + 1))
  if (!line.startsWith(signatureMark) || !isKeyName(name) || bytes === null || bytes.length < 5)
    throw new NoteRefused(`this is no signature line: ${JSON.stringify(line.slice(0, 200))}`)
  return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) }
}

/** Notes hold no control characters but newlines. */
const controls = /[\u0000-\u0009\u000b-\u001f]/

const isNoteText = (text: string): boolean =>
  text.endsWith("\n") && !controls.test(text) && text.isWellFormed()
