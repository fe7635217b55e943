import type { MerkleLog } from "../transparency-log/merkle-log.ts"

/** The sizes at which each subtree along a log's right edge ends, with the root that it had there. */
export const edgeOf = (log: MerkleLog): ReadonlyArray<{ readonly size: number; readonly root: Buffer }> => {
  let size = 0
  let rest = log.size
  return log.rightEdge.map((root) => {
    let leaves = 1
    while (leaves * 2 <= rest) leaves *= 2
    rest -= leaves
    size += leaves
    return { size, root }
  })
}
