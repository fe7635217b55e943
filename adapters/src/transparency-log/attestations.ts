import { readTreeHead, type TreeHead, treeHeadText } from "./checkpoint-note.ts"
import { NoteRefused, openNote, signNote } from "./note.ts"
import type { Signer, Verifier } from "./note-key.ts"
import { heading, isStatement, readStatement, type Statement, statementText } from "./statement.ts"

/** An attestations file that is none, or holds what its key did not sign; nothing of it counts. */
export class AttestationsRefused extends Error {
  override readonly name = "AttestationsRefused"
}

/** One attestation: a signed checkpoint for each log, and the statement about all of them. */
export interface Attestation {
  readonly statement: Statement
  /** The signed checkpoints, word for word, in the order of the statement's logs. */
  readonly checkpoints: ReadonlyArray<string>
}

/** The text of one attestation: signed notes, a blank line between them, the statement last. */
export const attestationText = (statement: Statement, signer: Signer): string =>
  [
    ...statement.logs.map((log) => signNote(treeHeadText(log), signer)),
    signNote(statementText(signer.verifier.name, statement), signer),
  ].join("\n")

/** What an attestations file holds. */
export interface Attestations {
  /** Oldest first. */
  readonly attestations: ReadonlyArray<Attestation>
  /** The bytes of an attestation at the end that was not written to its end; null when there is none. */
  readonly torn: { readonly at: number; readonly bytes: number } | null
}

/**
 * Reads attestations, one after another, a blank line between them, all signed by one key. An end that is torn off, as a
 * crash leaves it, is told apart from text that was changed. Throws {@link AttestationsRefused}, with the line. What stands
 * before `from`, where one must begin, is not read.
 */
export const readAttestations = (text: string, verifier: Verifier, from = 0): Attestations => {
  const attestations: Attestation[] = []
  let notes: Array<{ readonly note: string; readonly at: number }> = []
  let [at, done] = [from, from]
  while (at < text.length) {
    const end = endOfNote(text, at)
    if (end === null) break
    const note = text.slice(at, end)
    notes.push({ note, at })
    at = end
    const complete = isStatement(note)
    if (complete) {
      attestations.push(attestationOf(text, notes, verifier))
      notes = []
      done = at
    }
    if (at < text.length) {
      if (text[at] !== "\n") throw refused(text, at, "a blank line between two notes is expected")
      at++
    }
  }
  if (done === text.length) return { attestations, torn: null }
  // What is no beginning of ours, or a whole note that our key did not sign, was not torn off: it was changed.
  for (const whole of notes) openAt(text, whole, verifier)
  if (!couldBegin(text.slice(at), verifier)) throw refused(text, at, "this is no attestation")
  return {
    attestations,
    torn: { at: Buffer.byteLength(text.slice(0, done)), bytes: Buffer.byteLength(text.slice(done)) },
  }
}

/**
 * Where the last two attestations begin, as far as the text says itself: the newest whole one is among them, also when a crash
 * tore off the end. Each signature costs time, and there are some for every log and attestation since the beginning.
 */
export const newestFrom = (text: string): number => {
  let at = text.length
  for (let statements = 0; statements < 3; statements++) {
    if (at <= 0) return 0
    at = text.lastIndexOf(`\n${heading}\n`, at - 1)
  }
  const end = at < 0 ? null : endOfNote(text, at)
  return end === null ? 0 : Math.min(end + 1, text.length)
}

/** Where the note that begins there ends: text, a blank line, signature lines; null when it is not all there. */
const endOfNote = (text: string, from: number): number | null => {
  const blank = text.indexOf("\n\n", from)
  if (blank < 0) return null
  const next = text.indexOf("\n\n", blank + 2)
  if (next >= 0) return next + 1
  return text.endsWith("\n") && text.length > blank + 2 ? text.length : null
}

/** Whether a text may be the beginning of a note of the key: its first line is one of its origins, or begins one. */
const couldBegin = (text: string, { name }: Verifier): boolean => {
  const [first = ""] = text.split("\n")
  if (/\p{Cc}/u.test(first)) return false
  return first.length <= name.length ? name.startsWith(first) : first.startsWith(`${name}/`)
}

const attestationOf = (
  text: string,
  notes: ReadonlyArray<{ readonly note: string; readonly at: number }>,
  verifier: Verifier,
): Attestation => {
  const opened = notes.map((one) => ({ ...one, text: openAt(text, one, verifier) }))
  const last = opened.at(-1)
  const heads = opened.slice(0, -1)
  try {
    const statement = readStatement(verifier.name, last?.text ?? "")
    const [stated, found] = [
      statement.logs.map(headLine),
      heads.map((one) => headLine(readTreeHead(one.text))),
    ]
    if (stated.join() !== found.join())
      throw new NoteRefused("the checkpoints before this statement are not those that it names")
    return { statement, checkpoints: heads.map(({ note }) => note) }
  } catch (error) {
    if (error instanceof NoteRefused) throw refused(text, last?.at ?? 0, error.message)
    throw error
  }
}

const headLine = (head: TreeHead): string => treeHeadText(head)

const openAt = (
  text: string,
  { note, at }: { readonly note: string; readonly at: number },
  verifier: Verifier,
): string => {
  try {
    return openNote(note, verifier)
  } catch (error) {
    if (error instanceof NoteRefused) throw refused(text, at, error.message)
    throw error
  }
}

const refused = (text: string, at: number, what: string): AttestationsRefused =>
  new AttestationsRefused(`line ${text.slice(0, at).split("\n").length}: ${what}`)
