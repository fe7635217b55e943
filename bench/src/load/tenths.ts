/** A look at something that has done so many events by then. */
export interface Look {
  readonly at_ms: number
  readonly written: number
}

/** One tenth of the way: the looks at its two ends, and all from the one to the other. */
export interface Tenth<Sample extends Look> {
  readonly from: Sample
  readonly to: Sample
  readonly looks: ReadonlyArray<Sample>
}

/**
 * Cuts the way from nothing to `events` into tenths at the looks that lie nearest. The ends are therefore not quite at
 * tenths: whatever is computed from them goes by what they say was written. Throws when there were too few looks.
 */
export const tenthsOf = <Sample extends Look>(
  samples: ReadonlyArray<Sample>,
  events: number,
): ReadonlyArray<Tenth<Sample>> => {
  const ends = Array.from({ length: 11 }, (_, tenth) => nearest(samples, (tenth * events) / 10))
  return ends.slice(1).map((end, before) => {
    const start = ends[before] as number
    if (end <= start)
      throw new RangeError(
        `${samples.length} looks are too few to tell the tenths of ${events} events apart: take more events`,
      )
    return {
      from: samples[start] as Sample,
      to: samples[end] as Sample,
      looks: samples.slice(start, end + 1),
    }
  })
}

/** Of looks that say the same the last at the beginning, since nothing has begun before, and else the first. */
const nearest = (samples: ReadonlyArray<Look>, written: number): number => {
  let best = 0
  for (const [index, sample] of samples.entries()) {
    const [distance, least] = [sample, samples[best] as Look].map((one) => Math.abs(one.written - written))
    if ((distance as number) < (least as number) || (written === 0 && distance === least)) best = index
  }
  return best
}

/** How much of something grew for each event on the way from one look to the other. */
export const perEvent = <Sample extends Look>(
  { from, to }: Pick<Tenth<Sample>, "from" | "to">,
  of: (sample: Sample) => number,
): number => (of(to) - of(from)) / (to.written - from.written)

/** Events a second from one look to the other. */
export const rateOf = ({ from, to }: Pick<Tenth<Look>, "from" | "to">): number =>
  ((to.written - from.written) / (to.at_ms - from.at_ms)) * 1000
