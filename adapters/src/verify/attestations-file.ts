import { type FileHandle, open } from "node:fs/promises"
import { dirname } from "node:path"
import {
  type Attestations,
  AttestationsRefused,
  newestFrom,
  readAttestations,
} from "../transparency-log/attestations.ts"
import type { Verifier } from "../transparency-log/note-key.ts"

/** Larger than decades of daily attestations. */
const fileBytesMax = 256 * 1024 * 1024

/**
 * The attestations in a file, or only the newest; none, when the file does not exist. Throws {@link AttestationsRefused} with
 * the file's name.
 */
export const loadAttestations = async (
  file: string,
  verifier: Verifier,
  which: "all" | "newest" = "all",
): Promise<Attestations & { readonly bytes: number | null }> => {
  const content = await contentOf(file)
  if (content === null) return { attestations: [], torn: null, bytes: null }
  try {
    const text = content.toString("utf8")
    const from = which === "all" ? 0 : newestFrom(text)
    return { ...readAttestations(text, verifier, from), bytes: content.length }
  } catch (error) {
    if (error instanceof AttestationsRefused) throw new AttestationsRefused(`${file}, ${error.message}`)
    throw error
  }
}

const contentOf = async (file: string): Promise<Buffer | null> => {
  let handle: FileHandle
  try {
    handle = await open(file, "r")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null
    throw error
  }
  try {
    const { size } = await handle.stat()
    if (size > fileBytesMax)
      throw new AttestationsRefused(`${file} has ${size} bytes, more than a file of attestations has`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** What to do about an end that a crash tore off. */
export const tornAdvice = (file: string, torn: { readonly at: number; readonly bytes: number }): string =>
  `${file} ends in the middle of an attestation: the last ${torn.bytes} bytes were not written to their end, and nobody was told that they were. Cut them off (truncate -s ${torn.at} ${file}) and attest again; nothing was written`

/**
 * Appends one attestation in a single write that is on the disk when this resolves. `bytes` is the size at which the file
 * was read (null: it was not there); throws when it has another one now, because somebody else attested meanwhile.
 */
export const appendAttestation = async (file: string, text: string, bytes: number | null): Promise<void> => {
  const handle = await open(file, bytes === null ? "ax" : "a", 0o644)
  try {
    const { size } = await handle.stat()
    if (size !== (bytes ?? 0))
      throw new AttestationsRefused(`${file} changed while the record was verified; nothing was written`)
    const entry = Buffer.from(size === 0 ? text : `\n${text}`, "utf8")
    const { bytesWritten } = await handle.write(entry)
    await handle.datasync()
    if (bytesWritten !== entry.length)
      throw new AttestationsRefused(
        `only ${bytesWritten} of ${entry.length} bytes could be written to ${file}: is the disk full? Cut them off (truncate -s ${size} ${file}) and attest again`,
      )
  } finally {
    await handle.close()
  }
  if (bytes !== null) return
  // A new file is there after a crash only when its folder says so.
  const folder = await open(dirname(file), "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
