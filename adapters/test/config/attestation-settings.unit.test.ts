import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { attestationFields, attestationProblems, attestedOf } from "../../src/config/attestation-settings.ts"
import { type Environment, loadSettings } from "../../src/config/settings.ts"
import { newKey, readSigner, verifierText } from "../../src/transparency-log/note-key.ts"

const folder = mkdtempSync(join(tmpdir(), "landfall-settings-"))
afterAll(() => rmSync(folder, { recursive: true }))

const secret = newKey("desk.example/landfall")
const { verifier } = readSigner(secret)
const ATTESTATIONS_FILE = "/mnt/auditor/landfall"

const load = (env: Environment) => attestedOf(loadSettings(attestationFields, env, attestationProblems))

const inFile = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test("a service holds the record against nothing unless told, and both settings belong together", () => {
  expect(load({})).toBeNull()
  expect(() => load({ ATTESTATIONS_FILE })).toThrow("belong together")
  expect(() => load({ ATTESTATIONS_PUBLIC_KEY: verifierText(verifier) })).toThrow("belong together")
})

test("the public key is its text, or a file with it", () => {
  const text = verifierText(verifier)
  const expected = { file: ATTESTATIONS_FILE, verifier }
  expect(load({ ATTESTATIONS_FILE, ATTESTATIONS_PUBLIC_KEY: text })).toEqual(expected)
  const ATTESTATIONS_PUBLIC_KEY = inFile("landfall.pub", `${text}\n`)
  expect(load({ ATTESTATIONS_FILE, ATTESTATIONS_PUBLIC_KEY })).toEqual(expected)
})

test("what is no public key is told at the start, and a secret one is not repeated", () => {
  const refusal = (ATTESTATIONS_PUBLIC_KEY: string): string => {
    try {
      load({ ATTESTATIONS_FILE, ATTESTATIONS_PUBLIC_KEY })
      return ""
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  expect(refusal(join(folder, "nothing.pub"))).toMatch(/the file cannot be read \(ENOENT/)
  expect(refusal(inFile("letter.pub", "dear auditor"))).toMatch("this is no public key")
  const told = refusal(inFile("landfall.key", secret))
  expect(told).toMatch("this is the secret key")
  expect(told).not.toContain(secret.slice(-40))
})
