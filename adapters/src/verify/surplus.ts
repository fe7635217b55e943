import { node } from "../transparency-log/merkle-log.ts"

/**
 * Which of 2ⁿ + 1 leaves is the one too many: without it the others, in their order, make the subtree of that root; null when
 * there is no such leaf. One hash a level and candidate: what lies left of a candidate is in the tree of the first 2ⁿ leaves,
 * what lies right of it in the tree of the last 2ⁿ.
 */
export const surplusLeaf = (leaves: ReadonlyArray<Buffer>, root: Buffer): number | null => {
  const size = leaves.length - 1
  const left = levelsOf(leaves.slice(0, size))
  const right = levelsOf(leaves.slice(1))
  for (let candidate = 0; candidate <= size; candidate++)
    if (without(candidate, left, right, size).equals(root)) return candidate
  return null
}

/** All nodes of a full tree, the leaves first. */
const levelsOf = (leaves: ReadonlyArray<Buffer>): ReadonlyArray<ReadonlyArray<Buffer>> => {
  const levels = [leaves]
  for (let below = leaves; below.length > 1; ) {
    const above: Buffer[] = []
    for (let at = 0; at < below.length; at += 2)
      above.push(node(below[at] as Buffer, below[at + 1] as Buffer))
    levels.push(above)
    below = above
  }
  return levels
}

/** The root of the tree whose leaves before `candidate` are the left tree's, and from it on the right tree's. */
const without = (
  candidate: number,
  left: ReadonlyArray<ReadonlyArray<Buffer>>,
  right: ReadonlyArray<ReadonlyArray<Buffer>>,
  size: number,
): Buffer => {
  if (candidate === 0) return right.at(-1)?.[0] as Buffer
  if (candidate === size) return left.at(-1)?.[0] as Buffer
  // From the candidate's leaf upwards: the node that holds it, made of pure nodes beside it.
  let made = right[0]?.[candidate] as Buffer
  let at = candidate
  for (let level = 0; level < left.length - 1; level++) {
    made =
      at % 2 === 1
        ? node(left[level]?.[at - 1] as Buffer, made)
        : node(made, right[level]?.[at + 1] as Buffer)
    at = (at - (at % 2)) / 2
  }
  return made
}
