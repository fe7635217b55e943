import type { BridgeCourse } from "./world/bridge.ts"
import type { Random } from "./world/random.ts"

/** Protections that can be taken out, to see that the invariants notice. */
export interface Mutations {
  /** PostgreSQL locks nothing, and applies what a writer sends wherever its checkpoints and rows stand. */
  readonly blindWrites?: boolean
  /** The manager decides on the snapshots without reading its own topic to its end. */
  readonly ownTopicUnread?: boolean
  /** The sentinel decides without reading its own topic to its end. */
  readonly ownAlertsUnread?: boolean
  /** A node that lags says that it is well. */
  readonly laggingTrusted?: boolean
  /** A new instance does not fence the one before it. */
  readonly unfenced?: boolean
  /** Services go by the clock that can be set. */
  readonly wallClocks?: boolean
  /** A log that was damaged is not told of, and reading goes on with what there is. */
  readonly damageUntold?: boolean
  /** The history writer reads what was aborted, and what is not committed yet. */
  readonly uncommittedRead?: boolean
  /** The sentinel folds messages before it knows what was held to which instant. */
  readonly clampsUnforetold?: boolean
}

/** What a seed makes of the world: which faults there are, and how often. Some seeds have few, so that all go far. */
export interface Plan {
  readonly seed: number
  /** Mostly short: many worlds find more than long ones, and what takes long, some have. */
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
  /** How wrong clocks are; null when all are right. */
  readonly clocks: ClockFaults | null
  /** Writers have names that stay, as of static members of their group. */
  readonly namedWriters: boolean
  /** Now and then a log is damaged for the writer, until somebody has mended it. */
  readonly damagedLogs: boolean
}

/** Which clocks go wrong, and how. */
export interface ClockFaults {
  /** Machines' clocks are set wrong by up to an hour, and right again. */
  readonly moved: boolean
  /** How much too fast or too slow machines' clocks go at most: 0.001 is a millisecond a second. */
  readonly drift: number
  /** How far the brokers', the bridge's and the chains' clocks are ahead. */
  readonly brokers_ms: number
  readonly bridge_ms: number
  readonly chains_ms: number
  /** The brokers date messages, by a clock that may be ahead. */
  readonly brokersStamp: boolean
}

const hour_ms = 3_600_000

const clocksOf = (random: Random, courses: ReadonlyArray<BridgeCourse>): ClockFaults => {
  const brokersStamp = random.chance(0.3)
  // A deposit that its chain dates after its credit is not taken for what was credited under another hash, or in a sum.
  const needsTimes = courses.some((course) => course === "other_hash" || course === "aggregate")
  return {
    moved: random.chance(0.8),
    drift: random.chance(0.5) ? random.next() * 0.004 : 0,
    // Less than an hour, from which on Kafka would refuse honest messages; one that dates messages itself is not behind.
    brokers_ms: random.chance(0.5) ? random.int(brokersStamp ? 0 : -hour_ms / 2, hour_ms / 2) : 0,
    bridge_ms: random.chance(0.5) ? random.int(-hour_ms, hour_ms) : 0,
    chains_ms: random.chance(0.5) ? random.int(-hour_ms, needsTimes ? 0 : hour_ms) : 0,
    brokersStamp,
  }
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
    chaos_ms: (random.chance(0.75) ? random.int(8, 30) : random.int(30, 80)) * 1000,
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
    clocks: random.chance(0.5) ? clocksOf(random, courses) : null,
    namedWriters: random.chance(0.5),
    damagedLogs: random.chance(0.2),
  }
}
