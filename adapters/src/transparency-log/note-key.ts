import { createPublicKey, hash, randomBytes } from "node:crypto"
import { fromBase64 } from "./base64.ts"

/** A key file or a public key that is none. */
export class KeyRefused extends Error {
  override readonly name = "KeyRefused"
}

/** Who signs notes, as everybody may know: name, key id and Ed25519 public key. */
export interface Verifier {
  readonly name: string
  /** 4 bytes, which tell keys of one name apart. */
  readonly id: Buffer
  /** The public key as OpenSSL reads it. */
  readonly spki: Buffer
}

/** Who signs notes, with the secret half of the key. It attests to a log; no chain knows it, and it can move nothing. */
export interface Signer {
  readonly verifier: Verifier
  /** The key as OpenSSL reads it: PKCS #8 in PEM. */
  readonly pem: string
}

// DER up to the 32 bytes of the key, RFC 8410.
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex")
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex")
const ed25519 = 1

/** A new key for that name, as the one line of a key file: `PRIVATE+KEY+name+id+base64`. */
export const newKey = (name: string): string => {
  if (!isKeyName(name))
    throw new KeyRefused(
      `${JSON.stringify(name)} cannot name a key: take a URL without scheme, such as desk.example/landfall`,
    )
  const seed = randomBytes(32)
  const { verifier } = signerOf(name, seed)
  return `PRIVATE+KEY+${name}+${verifier.id.toString("hex")}+${Buffer.of(ed25519, ...seed).toString("base64")}`
}

const signerOf = (name: string, seed: Buffer): Signer => {
  const der = Buffer.concat([pkcs8Prefix, seed]).toString("base64")
  const pem = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`
  const spki = createPublicKey(pem).export({ format: "der", type: "spki" })
  const publicKey = spki.subarray(spkiPrefix.length)
  return { verifier: { name, id: keyId(name, publicKey), spki }, pem }
}

/** The signer in a key file's text. Throws {@link KeyRefused}; what the file holds is never quoted. */
export const readSigner = (text: string): Signer => {
  const parts = text.replace(/\r?\n$/, "").split("+")
  const [, , name = "", id = "", ...rest] = parts
  const bytes = fromBase64(rest.join("+")) // base64 may hold plus signs
  if (parts[0] !== "PRIVATE" || parts[1] !== "KEY" || !isKeyName(name) || bytes === null)
    throw new KeyRefused("this is no key file: one line PRIVATE+KEY+name+id+key is expected")
  requireEd25519(bytes)
  const signer = signerOf(name, bytes.subarray(1))
  requireId(signer.verifier, id)
  return signer
}

/** The verifier in its text form, `name+id+base64`. Throws {@link KeyRefused}. */
export const readVerifier = (text: string): Verifier => {
  const [name = "", id = "", ...rest] = text.trim().split("+")
  const bytes = fromBase64(rest.join("+"))
  if (name === "PRIVATE")
    throw new KeyRefused("this is the secret key: give the public one, name+id+key, and keep this one apart")
  if (!isKeyName(name) || bytes === null || bytes.length === 0)
    throw new KeyRefused(
      "this is no public key: name+id+key is expected, as the command that made it printed",
    )
  requireEd25519(bytes)
  const publicKey = bytes.subarray(1)
  const verifier = { name, id: keyId(name, publicKey), spki: Buffer.concat([spkiPrefix, publicKey]) }
  requireId(verifier, id)
  return verifier
}

/** The text form of a verifier, which an auditor needs. */
export const verifierText = ({ name, id, spki }: Verifier): string =>
  `${name}+${id.toString("hex")}+${Buffer.of(ed25519, ...spki.subarray(spkiPrefix.length)).toString("base64")}`

const requireEd25519 = (bytes: Buffer): void => {
  if (bytes[0] !== ed25519 || bytes.length !== 33)
    throw new KeyRefused(
      `the key is not an Ed25519 key: type ${bytes[0] ?? "none"} and ${bytes.length} bytes, type 1 and 33 bytes are expected`,
    )
}

const requireId = ({ name, id }: Verifier, told: string): void => {
  if (id.toString("hex") !== told)
    throw new KeyRefused(
      `the key's id is ${id.toString("hex")}, the text says ${JSON.stringify(told)}: key and name (${name}) do not belong together`,
    )
}

/** Whether it can name a key: not empty, no white space, no plus sign, no control characters. */
export const isKeyName = (name: string): boolean => /^[^\s\p{Cc}+]+$/u.test(name) && name.isWellFormed()

/** The first four bytes of SHA-256 over name, newline, signature type (1: Ed25519) and public key. */
const keyId = (name: string, publicKey: Uint8Array): Buffer =>
  hash("sha256", Buffer.concat([Buffer.from(`${name}\n\x01`, "utf8"), publicKey]), "buffer").subarray(0, 4)
