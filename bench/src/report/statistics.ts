/** The middle value; of an even number of values the mean of the two in the middle. NaN of none. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((left, right) => left - right)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** The smallest value that at least this share of the values do not exceed (nearest rank). NaN of none. */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** Run by run, how many times the one is the other: runs that alternate share the machine's good and bad moments. */
export const ratios = (
  dividends: ReadonlyArray<number>,
  divisors: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  if (dividends.length !== divisors.length)
    throw new RangeError(`${dividends.length} runs cannot be compared with ${divisors.length}`)
  return dividends.map((dividend, run) => dividend / (divisors[run] as number))
}
