import { readFileSync } from "node:fs"
import type { Attested } from "../history/require-attested.ts"
import { KeyRefused, readVerifier, type Verifier } from "../transparency-log/note-key.ts"
import { type Kind, optional, type Values } from "./field.ts"
import { text } from "./kinds.ts"
import { limits } from "./limits.ts"

/** A public key of attestations: its text, or the path of a file with it, which is read at once. */
export const publicKey: Kind<Verifier> = {
  accepted: "a public key, name+id+key, or the path of a file that holds it",
  example: "/etc/landfall/attestations.pub",
  json: { type: "string" },
  sensitive: false,
  read: (given) => {
    try {
      if (given.includes("+") && !given.includes("\n")) return { ok: true, value: readVerifier(given) }
      const content = readFileSync(given, "utf8")
      return content.length > limits.config.file_chars_max
        ? { ok: false, problem: "the file is too long" }
        : { ok: true, value: readVerifier(content) }
    } catch (error) {
      if (error instanceof KeyRefused) return { ok: false, problem: error.message }
      const cause = error instanceof Error ? error.message : String(error)
      return { ok: false, problem: `the file cannot be read (${cause})` }
    }
  },
}

/** The variables of every service that decides from the record. */
export const attestationFields = {
  ATTESTATIONS_FILE: optional(
    text,
    "the path of the attestations that `landfall verify --attest` writes, or of a copy: the service starts only with a record that extends the newest of them (docs/runbook/old-backup.md)",
  ),
  ATTESTATIONS_PUBLIC_KEY: optional(publicKey, "whose attestations these are"),
}

type AttestationSettings = Values<typeof attestationFields>

/** What is wrong with these settings together. */
export const attestationProblems = (settings: AttestationSettings): readonly string[] =>
  (settings.ATTESTATIONS_FILE === null) === (settings.ATTESTATIONS_PUBLIC_KEY === null)
    ? []
    : ["ATTESTATIONS_FILE and ATTESTATIONS_PUBLIC_KEY belong together: set both or none"]

/** What the settings say that the record must extend; null when they say nothing. */
export const attestedOf = ({
  ATTESTATIONS_FILE,
  ATTESTATIONS_PUBLIC_KEY,
}: AttestationSettings): Attested | null =>
  ATTESTATIONS_FILE === null || ATTESTATIONS_PUBLIC_KEY === null
    ? null
    : { file: ATTESTATIONS_FILE, verifier: ATTESTATIONS_PUBLIC_KEY }
