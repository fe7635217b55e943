/** More parts than this are not searched: 2^12 sums for one bridge row. */
export const partsMax = 12

/**
 * The subsets of at least two parts whose sum is `total`, by index, at most `limit` of them.
 * Beyond {@link partsMax} parts only all of them together are tried.
 */
export const subsetsWithSum = (
  parts: ReadonlyArray<bigint>,
  total: bigint,
  limit: number,
): ReadonlyArray<ReadonlyArray<number>> => {
  const all = parts.map((_, index) => index)
  if (parts.length < 2) return []
  if (parts.length > partsMax) return parts.reduce((sum, part) => sum + part, 0n) === total ? [all] : []
  const found: Array<ReadonlyArray<number>> = []
  for (let mask = 3; mask < 1 << parts.length && found.length < limit; mask++) {
    const subset = all.filter((index) => mask & (1 << index))
    if (subset.length < 2) continue
    if (subset.reduce((sum, index) => sum + (parts[index] ?? 0n), 0n) === total) found.push(subset)
  }
  return found
}
