import { open, readFile, stat } from "node:fs/promises"
import {
  KeyRefused,
  newKey,
  readSigner,
  readVerifier,
  type Signer,
  type Verifier,
  verifierText,
} from "../transparency-log/note-key.ts"

/** No key file is longer. */
const fileBytesMax = 4_096

/** Makes a key for that name in a new file that only its owner can read; returns the public key. Never overwrites. */
export const writeKeyFile = async (name: string, file: string): Promise<string> => {
  const key = newKey(name)
  let handle: Awaited<ReturnType<typeof open>>
  try {
    handle = await open(file, "wx", 0o600)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw new KeyRefused(`${file} is there already and was left as it is: name a new file`)
    throw error
  }
  try {
    await handle.writeFile(`${key}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return verifierText(readSigner(key).verifier)
}

/** The signer in a key file; `warn` is told when others can read the file. Throws {@link KeyRefused} with the file's name. */
export const readSignerFile = async (file: string, warn: (text: string) => void): Promise<Signer> => {
  const { size, mode } = await stat(file)
  if (size > fileBytesMax) throw new KeyRefused(`${file} is no key file: it has ${size} bytes`)
  const signer = named(file, readSigner, await readFile(file, "utf8"))
  if ((mode & 0o077) !== 0)
    warn(`others than its owner can read ${file}, and could sign in its name: chmod 600 ${file}`)
  return signer
}

/** A public key, given as its text or as a file that holds it. */
export const readVerifierText = async (given: string): Promise<Verifier> => {
  const isText = given.includes("+") && !given.includes("\n")
  if (isText) return readVerifier(given)
  const { size } = await stat(given)
  if (size > fileBytesMax) throw new KeyRefused(`${given} holds no public key: it has ${size} bytes`)
  return named(given, readVerifier, await readFile(given, "utf8"))
}

const named = <Key>(file: string, read: (text: string) => Key, text: string): Key => {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof KeyRefused) throw new KeyRefused(`${file}: ${error.message}`)
    throw error
  }
}
