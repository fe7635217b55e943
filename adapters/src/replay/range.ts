import type { Position } from "@landfall/domain/position"

/** The request names a position that the log does not have, or events that cannot be folded; nothing was given. */
export class ReplayRefused extends Error {
  override readonly name = "ReplayRefused"
}

/** From where to where to fold. */
export interface ReplayRange {
  /** The first offsets to fold; a partition that is not named begins at its beginning. Null: everything. */
  readonly start: Position | null
  /** The offsets to stop before; nothing is folded of a partition that is not named. Null: up to the end as it is now. */
  readonly end: Position | null
}

/** A partition and the offsets that there are of it: `[first, end)`. */
export interface Extent {
  readonly partition: number
  readonly first: number
  readonly end: number
}

/** What to fold of one partition: `[start, end)`. */
export interface Stretch {
  readonly partition: number
  readonly start: number
  readonly end: number
}

const offsetsOf = (position: Position | null, topic: string, what: string) => {
  if (position === null) return null
  if (!Object.hasOwn(position, topic))
    throw new ReplayRefused(
      `the ${what} names no partition of ${topic}: name each as ${topic}/PARTITION=OFFSET`,
    )
  return new Map(Object.entries(position[topic] ?? {}).map(([partition, next]) => [Number(partition), next]))
}

/**
 * What to fold of each partition. Throws {@link ReplayRefused} for a position that there is not: `source` says in a message
 * whose extents they are ("the evidence", "Kafka").
 */
export const stretchesOf = (
  topic: string,
  extents: ReadonlyArray<Extent>,
  range: ReplayRange,
  source: string,
): ReadonlyArray<Stretch> => {
  const starts = range.start === null ? null : offsetsOf(range.start, topic, "start")
  const ends = offsetsOf(range.end, topic, "end")
  for (const partition of [...(starts?.keys() ?? []), ...(ends?.keys() ?? [])])
    if (!extents.some((extent) => extent.partition === partition))
      throw new ReplayRefused(
        `${source} has no partition ${partition} of ${topic}: it has ${extents.map((extent) => extent.partition).join(", ") || "none"}`,
      )
  return extents.map(({ partition, first, end }) => {
    const begin = starts?.get(partition) ?? first
    const to = ends === null ? end : (ends.get(partition) ?? first)
    const name = `${topic}/${partition}`
    if (begin < first)
      throw new ReplayRefused(`${source} begins at offset ${first} of ${name}, and the start is ${begin}`)
    if (to > end) throw new ReplayRefused(`${source} ends at offset ${end} of ${name}, and the end is ${to}`)
    if (begin > to && ends?.has(partition) !== false)
      throw new ReplayRefused(`the start of ${name} is ${begin}, which is after its end ${to}`)
    return { partition, start: Math.min(begin, to), end: to }
  })
}

/** Where a fold of these stretches stands. */
export const positionOf = (topic: string, stretches: ReadonlyArray<Stretch>): Position => ({
  [topic]: Object.fromEntries(stretches.map(({ partition, end }) => [String(partition), end])),
})
