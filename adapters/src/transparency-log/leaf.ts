import { sha256 } from "./sha256.ts"

/**
 * A Kafka message as it came, with the topic's id, which tells a topic from its successor of the same name. Its offset is its
 * position in the log: Kafka's own, plus a base where the topic was adopted as a successor.
 */
export interface RawMessage {
  readonly topicId: Uint8Array
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  /** Headers as {@link encodeHeaders} writes them; null when there are none. */
  readonly headers: Uint8Array | null
  readonly value: Uint8Array | null
}

let scratch = Buffer.allocUnsafe(4096)

/**
 * The RFC 6962 leaf hash of a message: SHA-256 over 0x00 and the message, whose parts are fixed in width or carry their
 * length before them (u32, 0xffffffff for null), so that no two messages read alike:
 * topic id (16) · partition (4) · offset (8) · leader epoch (4) · timestamp in ms (8) · key · headers · value.
 */
export const leafHash = (message: RawMessage): Buffer => sha256(writeLeaf(message))

/** The bytes that the leaf hash covers, without the 0x00: what a proof carries, so that its leaf can be made again. */
export const leafBytes = (message: RawMessage): Buffer => Buffer.from(writeLeaf(message).subarray(1))

/** The leaf hash of a leaf's bytes. */
export const leafOf = (bytes: Uint8Array): Buffer => sha256(Buffer.concat([Buffer.of(0), bytes]))

/** Writes 0x00 and the message into a buffer that is used again for the next one. */
const writeLeaf = (message: RawMessage): Buffer => {
  const { topicId, key, headers, value } = message
  // The leaf is put together in a buffer that was used before: a shorter id would take in bytes of another message.
  if (topicId.byteLength !== 16)
    throw new Error(`a topic id has 16 bytes, got ${topicId.byteLength}: ask Kafka again who the topic is`)
  const bytes = 53 + (key?.byteLength ?? 0) + (headers?.byteLength ?? 0) + (value?.byteLength ?? 0)
  if (scratch.length < bytes) scratch = Buffer.allocUnsafe(bytes * 2)
  const leaf = scratch
  leaf[0] = 0
  leaf.set(topicId, 1)
  leaf.writeInt32BE(message.partition, 17)
  writeInt64(leaf, message.offset, 21)
  leaf.writeInt32BE(message.leaderEpoch, 29)
  writeInt64(leaf, message.timestampMs, 33)
  let at = writePart(leaf, key, 41)
  at = writePart(leaf, headers, at)
  at = writePart(leaf, value, at)
  return leaf.subarray(0, at)
}

/** Reads length-prefixed parts one after another: null for one that is absent, undefined where the bytes end too soon. */
export const partReader = (bytes: Buffer, from = 0) => {
  let at = from
  return {
    next: (): Buffer | null | undefined => {
      if (at + 4 > bytes.length) return undefined
      const length = bytes.readUInt32BE(at)
      at += 4
      if (length === 0xffff_ffff) return null
      at += length
      return at > bytes.length ? undefined : bytes.subarray(at - length, at)
    },
    atEnd: (): boolean => at >= bytes.length,
  }
}

/** Reads a leaf's bytes back; null when they are not of a message, down to the last byte. */
export const readLeaf = (bytes: Buffer): RawMessage | null => {
  if (bytes.length < 40) return null
  const parts = partReader(bytes, 40)
  const [key, headers, value] = [parts.next(), parts.next(), parts.next()]
  if (key === undefined || headers === undefined || value === undefined || !parts.atEnd()) return null
  return {
    topicId: bytes.subarray(0, 16),
    partition: bytes.readInt32BE(16),
    offset: Number(bytes.readBigInt64BE(20)),
    leaderEpoch: bytes.readInt32BE(28),
    timestampMs: Number(bytes.readBigInt64BE(32)),
    key,
    headers,
    value,
  }
}

const writeInt64 = (into: Buffer, value: number, at: number): void => {
  into.writeInt32BE(Math.floor(value / 4_294_967_296), at)
  into.writeUInt32BE(value >>> 0, at + 4)
}

const writePart = (into: Buffer, part: Uint8Array | null, at: number): number => {
  into.writeUInt32BE(part === null ? 0xffff_ffff : part.byteLength, at)
  if (part === null) return at + 4
  into.set(part, at + 4)
  return at + 4 + part.byteLength
}

/** Headers in their order, each name and value with its length before it; null when there are none. */
export const encodeHeaders = (
  headers: ReadonlyArray<Readonly<Record<string, string | Uint8Array | null>>> | undefined,
): Buffer | null => {
  if (headers === undefined || headers.length === 0) return null
  const parts: Buffer[] = []
  for (const header of headers) {
    for (const [name, value] of Object.entries(header)) {
      parts.push(withLength(Buffer.from(name, "utf8")))
      parts.push(withLength(typeof value === "string" ? Buffer.from(value, "utf8") : value))
    }
  }
  return Buffer.concat(parts)
}

const withLength = (part: Uint8Array | null): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part === null ? 0xffff_ffff : part.byteLength)
  return part === null ? length : Buffer.concat([length, part])
}
