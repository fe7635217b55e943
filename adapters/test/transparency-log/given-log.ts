import { append, emptyLog, root } from "../../src/transparency-log/merkle-log.ts"
import {
  consistencyRanges,
  inclusionRanges,
  type Range,
  rangeRoots,
} from "../../src/transparency-log/proof.ts"

const rootsIn = (leaves: ReadonlyArray<Buffer>, ranges: ReadonlyArray<Range>): ReadonlyArray<Buffer> => {
  const roots = rangeRoots(ranges)
  // In pages of an odd size, as rows come from a table.
  for (let at = 0; at < leaves.length; at += 7) roots.add(leaves.slice(at, at + 7))
  return roots.roots()
}

/** The root of the log of these leaves. */
export const rootOf = (leaves: ReadonlyArray<Buffer>): Buffer => root(append(emptyLog, leaves))

/** The proof that leaf `index` is in the log of these leaves. */
export const proveInclusion = (leaves: ReadonlyArray<Buffer>, index: number): ReadonlyArray<Buffer> =>
  rootsIn(leaves, inclusionRanges(index, leaves.length))

/** The proof that the log of these leaves extends that of the first `oldSize` of them. */
export const proveConsistency = (leaves: ReadonlyArray<Buffer>, oldSize: number): ReadonlyArray<Buffer> =>
  rootsIn(leaves, consistencyRanges(oldSize, leaves.length))
