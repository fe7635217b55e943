import { createHash } from "node:crypto"

/** SHA-256 of the parts one after another. */
export const sha256 = (...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const hashed = createHash("sha256")
  for (const part of parts) hashed.update(part)
  return hashed.digest()
}

/** RFC 6962, section 2.1: the hash of a leaf's data. */
export const leafOf = (data: Uint8Array): Buffer => sha256(Uint8Array.of(0), data)

/** RFC 6962, section 2.1, word for word, over leaf hashes: the Merkle tree hash by splitting at the largest power of two. */
export const merkleTreeHash = (leaves: ReadonlyArray<Buffer>): Buffer => {
  const [first] = leaves
  if (first === undefined) return sha256()
  if (leaves.length === 1) return first
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  const left = merkleTreeHash(leaves.slice(0, split))
  return sha256(Uint8Array.of(1), left, merkleTreeHash(leaves.slice(split)))
}
