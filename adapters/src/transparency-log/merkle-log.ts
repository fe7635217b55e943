import { sha256 } from "./sha256.ts"

/**
 * An append-only RFC 6962 Merkle tree that keeps no leaves: the roots of the full subtrees along its right edge are all
 * that is needed to go on. One full subtree for each 1 bit of the size, the largest first.
 */
export interface MerkleLog {
  readonly size: number
  readonly rightEdge: ReadonlyArray<Buffer>
}

/** The log without leaves. */
export const emptyLog: MerkleLog = { size: 0, rightEdge: [] }

const pair = Buffer.allocUnsafe(65)
pair[0] = 1

/** RFC 6962: the hash of an inner node, SHA-256 over 0x01 and its two children. */
export const node = (left: Buffer, right: Buffer): Buffer => {
  pair.set(left, 1)
  pair.set(right, 33)
  return sha256(pair)
}

/** The log with more leaves; each leaf is a leaf hash. Costs one hash a leaf on average. */
export const append = (log: MerkleLog, leaves: Iterable<Buffer>): MerkleLog => {
  const edge = [...log.rightEdge]
  let { size } = log
  for (const leaf of leaves) {
    let subtree = leaf
    // Each trailing 1 bit of the size is a full subtree of the same height as ours: the two become one.
    for (let bits = size; bits % 2 === 1; bits = (bits - 1) / 2) subtree = node(edge.pop() as Buffer, subtree)
    edge.push(subtree)
    size++
  }
  return { size, rightEdge: edge }
}

/** The root: the right edge folded from its small end; SHA-256 of nothing for the empty log. */
export const root = (log: MerkleLog): Buffer =>
  log.rightEdge.length === 0
    ? sha256(Buffer.alloc(0))
    : log.rightEdge.reduceRight((right, left) => node(left, right))

/** The right edge as one column: 32 bytes a subtree. */
export const encodeEdge = (log: MerkleLog): Buffer => Buffer.concat(log.rightEdge)

/** Reads the log back; throws when size and edge do not fit each other. */
export const decodeLog = (size: number, edge: Uint8Array): MerkleLog => {
  if (!Number.isSafeInteger(size) || size < 0) throw new Error(`a log cannot have ${size} leaves`)
  const rightEdge: Buffer[] = []
  for (let at = 0; at < edge.byteLength; at += 32) rightEdge.push(Buffer.from(edge.subarray(at, at + 32)))
  const subtrees = size.toString(2).replaceAll("0", "").length
  if (edge.byteLength % 32 !== 0 || rightEdge.length !== subtrees)
    throw new Error(
      `a log of ${size} leaves has ${subtrees} subtrees on its right edge, got ${edge.byteLength} bytes`,
    )
  return { size, rightEdge }
}
