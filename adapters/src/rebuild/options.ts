import type { Position } from "@landfall/domain/position"
import type { TopicSource } from "../replay/read-topic.ts"
import type { SnapshotDifference } from "./difference.ts"

/** What a rebuild is doing. */
export type RebuildPhase = "loading" | "folding" | "comparing" | "indexing" | "promoting"

/** How far it is: events folded, and how many there are by now; the total grows while the writer writes. */
export interface RebuildProgress {
  readonly phase: RebuildPhase
  readonly events: number
  readonly total: number
}

/** Bounds of the work between two transactions. */
export interface RebuildLimits {
  /** Offsets that are read in one transaction. */
  readonly segmentOffsets: number
  /** Events folded before they are written to the shadow: as many are folded again after a kill. */
  readonly flushEvents: number
  /** How long a promotion waits for those who read the live table; writers wait as long. */
  readonly lockTimeoutMs: number
  /** How often a promotion is tried. */
  readonly promoteAttempts: number
}

export const defaultRebuildLimits: RebuildLimits = {
  segmentOffsets: 500_000,
  flushEvents: 1_000_000,
  lockTimeoutMs: 1_000,
  promoteAttempts: 60,
}

export interface RebuildOptions {
  /** Where the events come from; what came in since the beginning always comes from the evidence. */
  readonly from?: "evidence" | "topics"
  /** Needed for `topics`. */
  readonly topics?: TopicSource
  /** Make the shadow live in the end; else it stays beside, to be promoted later. */
  readonly promote?: boolean
  /** Hold the live table against the shadow, at one position; true unless told. */
  readonly compare?: boolean
  /** Begin anew although there is a shadow to go on with. */
  readonly fresh?: boolean
  /** Who rebuilds, for whoever finds it locked: a program, a host and a process. */
  readonly holder?: string
  readonly onProgress?: (progress: RebuildProgress) => void
  /** Ends the work in order: what was folded is kept, and the next rebuild goes on from there. */
  readonly signal?: AbortSignal
  readonly limits?: Partial<RebuildLimits>
}

/** What a rebuild came to. */
export interface Rebuilt {
  readonly projection: string
  readonly version: number
  readonly from: "evidence" | "topics" | "live"
  /** Whether it went on from a shadow that was there. */
  readonly resumed: boolean
  /** Events that the rows were folded from in all. */
  readonly events: number
  readonly rows: number
  /** How far the shadow was folded. */
  readonly position: Position
  /** The version of the live table at that time. */
  readonly live_version: number
  /** Null when it was not asked for, or could not be had at an equal position; see {@link uncompared}. */
  readonly difference: SnapshotDifference | null
  /** Why there is no difference although it was asked for. */
  readonly uncompared: string | null
  readonly promoted: boolean
}

/** What was asked cannot be done; the message says why and what to do. Nothing was promoted. */
export class RebuildRefused extends Error {
  override readonly name = "RebuildRefused"
}

/** It was told to stop; what was folded is kept. */
export class RebuildInterrupted extends Error {
  override readonly name = "RebuildInterrupted"
}
