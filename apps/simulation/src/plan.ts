import type { BridgeCourse } from "./world/bridge.ts"
import type { Random } from "./world/random.ts"

/** Protections that can be taken out, to see that the invariants notice. */
export interface Mutations {
  /** PostgreSQL applies what a writer sends wherever its checkpoints and rows stand. */
  readonly blindWrites?: boolean
  /** The manager decides on the snapshots without reading its own topic to its end. */
  readonly ownTopicUnread?: boolean
  /** The sentinel decides without reading its own topic to its end. */
  readonly ownAlertsUnread?: boolean
  /** A node that lags says that it is well. */
  readonly laggingTrusted?: boolean
  /** A new instance does not fence the one before it. */
  readonly unfenced?: boolean
}

/** What a seed makes of the world: which faults there are, and how often. Some seeds have few, so that all go far. */
export interface Plan {
  readonly seed: number
  readonly chaos_ms: number
  readonly observers: 1 | 2
  readonly crash: number
  readonly pause: number
  readonly uncertain: number
  readonly failing: number
  readonly secondInstances: boolean
  readonly outages: boolean
  readonly nodeFaults: boolean
  readonly slowNodes: boolean
  readonly reorgs: boolean
  readonly rivals: boolean
  readonly poison: boolean
  readonly courses: ReadonlyArray<BridgeCourse>
}

const everyCourse: ReadonlyArray<BridgeCourse> = [
  "same_hash",
  "other_hash",
  "aggregate",
  "failed_first",
  "pending_first",
  "never",
]

/** Draws what a seed does. */
export const planOf = (seed: number, random: Random): Plan => {
  const often = (share: number, rate: number): number => (random.chance(share) ? random.next() * rate : 0)
  const courses = everyCourse.filter(() => random.chance(0.6))
  return {
    seed,
    chaos_ms: random.int(20, 80) * 1000,
    observers: random.chance(0.5) ? 2 : 1,
    crash: often(0.7, 0.02),
    pause: often(0.4, 0.006),
    uncertain: often(0.6, 0.3),
    failing: often(0.6, 0.2),
    secondInstances: random.chance(0.3),
    outages: random.chance(0.3),
    nodeFaults: random.chance(0.6),
    slowNodes: random.chance(0.2),
    reorgs: random.chance(0.6),
    rivals: random.chance(0.5),
    poison: random.chance(0.5),
    courses: courses.length === 0 ? ["same_hash"] : courses,
  }
}
