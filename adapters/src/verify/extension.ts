import { append, type MerkleLog, root } from "../transparency-log/merkle-log.ts"
import { edgeOf } from "./edge.ts"

/**
 * How many leaves, from the first on, lie in subtrees that the right edges of both trees have: the larger tree keeps these
 * as they were, so none of their leaves is needed to prove that it extends the smaller one. All of them when the sizes are the same.
 */
export const sharedLeaves = (oldSize: number, size: number): number => {
  let subtree = 1
  while (subtree * 2 <= size) subtree *= 2
  let shared = 0
  for (; subtree >= 1; subtree /= 2) {
    const [inOld, inNew] = [oldSize - shared >= subtree, size - shared >= subtree]
    if (inOld !== inNew) return shared
    if (inOld) shared += subtree
  }
  return shared
}

/** Holds a log whose size and right edge are stated against an older size of it, with the leaves that this takes. */
export interface Extension {
  /** The first leaf that is needed; none when it is the size of the log. */
  readonly from: number
  /** The next leaf hashes, from that one on. */
  readonly add: (leaves: ReadonlyArray<Buffer>) => void
  /** The root at the older size, and whether the leaves led from there to what is stated; both are true only together. */
  readonly end: () => { readonly then: Buffer | null; readonly fits: boolean }
}

/** Throws when the log is shorter than the older size. */
export const extensionOf = (stated: MerkleLog, oldSize: number): Extension => {
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > stated.size)
    throw new Error(`a log of ${stated.size} leaves cannot extend one of ${oldSize}`)
  const from = sharedLeaves(oldSize, stated.size)
  const kept = edgeOf(stated).filter(({ size }) => size <= from)
  let made: MerkleLog = { size: from, rightEdge: kept.map((subtree) => subtree.root) }
  let then = from === oldSize ? root(made) : null
  return {
    from,
    add: (leaves) => {
      const upTo = then === null ? oldSize - made.size : 0
      made = append(made, leaves.slice(0, upTo))
      if (made.size === oldSize) then = root(made)
      made = append(made, leaves.slice(upTo))
    },
    end: () => ({ then, fits: made.size === stated.size && root(made).equals(root(stated)) }),
  }
}
