import { hash } from "node:crypto"

/**
 * SHA-256 as 32 bytes. The digest comes as a string of its bytes and is copied into Node's pool of small buffers: asked for
 * a buffer, `hash` gives each an allocation of its own, which takes longer than the hashing of a message does.
 */
export const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash("sha256", bytes, "binary"), "latin1")
