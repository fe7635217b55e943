import { append, emptyLog, type MerkleLog, node, root } from "./merkle-log.ts"

/** The leaves `[from, to)` of a log, and the subtree over them. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The largest power of two below `leaves`, where RFC 6962 splits a tree. */
const splitOf = (leaves: number): number => {
  let split = 1
  while (split * 2 < leaves) split *= 2
  return split
}

/** The subtrees whose roots prove that a leaf is in a log of that size (RFC 6962, 2.1.1), from the leaf upwards. */
export const inclusionRanges = (index: number, size: number): ReadonlyArray<Range> => {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size)
    throw new Error(`a log of ${size} leaves has no leaf ${index}`)
  const ranges: Range[] = []
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + splitOf(to - from)
    if (index < middle) {
      ranges.push({ from: middle, to })
      to = middle
    } else {
      ranges.push({ from, to: middle })
      from = middle
    }
  }
  return ranges.reverse()
}

/** The subtrees whose roots prove that a log extends the one that had `oldSize` leaves (RFC 6962, 2.1.2), in order. */
export const consistencyRanges = (oldSize: number, size: number): ReadonlyArray<Range> => {
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(size) || oldSize < 0 || oldSize > size)
    throw new Error(`a log of ${size} leaves cannot extend one of ${oldSize}`)
  if (oldSize === 0) return []
  const ranges: Range[] = []
  let from = 0
  let to = size
  while (oldSize < to) {
    const middle = from + splitOf(to - from)
    if (oldSize <= middle) {
      ranges.push({ from: middle, to })
      to = middle
    } else {
      ranges.push({ from, to: middle })
      from = middle
    }
  }
  // The old root itself is known to whoever asks.
  if (from > 0) ranges.push({ from, to })
  return ranges.reverse()
}

/** Takes a log's leaves in order, and keeps of them what some subtrees need: O(log n), however long the log is. */
export interface RangeRoots {
  /** The next leaf hashes of the log. */
  readonly add: (leaves: ReadonlyArray<Buffer>) => void
  /** The roots of the ranges in the order in which they were asked for; throws when the log ended before one of them. */
  readonly roots: () => ReadonlyArray<Buffer>
}

/** Computes the roots of ranges while the leaves go by. */
export const rangeRoots = (ranges: ReadonlyArray<Range>): RangeRoots => {
  const logs: MerkleLog[] = ranges.map(() => emptyLog)
  let next = 0
  return {
    add: (leaves) => {
      const end = next + leaves.length
      for (const [place, { from, to }] of ranges.entries())
        if (from < end && to > next)
          logs[place] = append(
            logs[place] as MerkleLog,
            leaves.slice(Math.max(0, from - next), Math.max(0, to - next)),
          )
      next = end
    },
    roots: () => {
      const missing = ranges.find(({ to }) => to > next)
      if (missing !== undefined)
        throw new Error(`the log ended after ${next} leaves, ${missing.to} are needed for the proof`)
      return logs.map(root)
    },
  }
}

/** Whether the proof leads from the leaf to the root of a log of that size. */
export const includes = (
  proof: ReadonlyArray<Buffer>,
  claim: { readonly index: number; readonly leaf: Buffer; readonly size: number; readonly root: Buffer },
): boolean => {
  const { index, size } = claim
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false
  const ranges = inclusionRanges(index, size)
  if (proof.length !== ranges.length || !areHashes([...proof, claim.leaf])) return false
  const made = ranges.reduce((below, { to }, step) => {
    const beside = proof[step] as Buffer
    return to <= index ? node(beside, below) : node(below, beside)
  }, claim.leaf)
  return made.equals(claim.root)
}

/** Whether the proof shows that the log of the new root begins with the log of the old root. */
export const extendsLog = (
  proof: ReadonlyArray<Buffer>,
  old: { readonly size: number; readonly root: Buffer },
  now: { readonly size: number; readonly root: Buffer },
): boolean => {
  if (!Number.isSafeInteger(old.size) || !Number.isSafeInteger(now.size)) return false
  if (old.size < 0 || old.size > now.size || !areHashes([...proof, old.root, now.root])) return false
  if (old.size === 0) return proof.length === 0 && old.root.equals(root(emptyLog))
  const ranges = consistencyRanges(old.size, now.size)
  if (proof.length !== ranges.length) return false
  // The first hash is the subtree where the two part: the old root itself, or the first of the proof.
  const [first] = ranges
  const inner = first !== undefined && first.to === old.size && first.from > 0 ? 1 : 0
  let before = inner === 1 ? (proof[0] as Buffer) : old.root
  let after = before
  for (const [step, { to }] of ranges.entries()) {
    if (step < inner) continue
    const beside = proof[step] as Buffer
    if (to < old.size) before = node(beside, before)
    after = to < old.size ? node(beside, after) : node(after, beside)
  }
  return before.equals(old.root) && after.equals(now.root)
}

const areHashes = (hashes: ReadonlyArray<Buffer>): boolean => hashes.every(({ length }) => length === 32)
