/** Offsets `[from, to)`. */
export interface Gap {
  readonly from: number
  readonly to: number
}

/** The offsets from `next` up to the last of `offsets` (ascending) that are not among them, and where to go on. */
export const gapsBefore = (
  next: number,
  offsets: Iterable<number>,
): { readonly gaps: ReadonlyArray<Gap>; readonly next: number } => {
  const gaps: Gap[] = []
  let expected = next
  for (const offset of offsets) {
    if (offset > expected) gaps.push({ from: expected, to: offset })
    expected = Math.max(expected, offset + 1)
  }
  return { gaps, next: expected }
}
