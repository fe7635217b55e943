/** What of the record a difference is about. */
export type Subject =
  | "row" // of an evidence table
  | "dead_letter"
  | "duplicate"
  | "act" // what an operator did about a dead letter
  | "log" // a partition's Merkle log against its checkpoint
  | "attestation" // a log against what was attested of it
  | "topic" // the evidence against Kafka
  | "snapshot"
  | "alert"
  | "storage" // a file of the database's own, which it cannot read

/** Something that is not as it must be, and where. */
export interface Difference {
  readonly subject: Subject
  /** `topic/partition/offset`, `topic/partition`, `projection key`, or a table's name. */
  readonly place: string
  readonly what: string
}

/** Offsets `[from, to)` of a partition. */
export interface OffsetRange {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** A record that is broken throughout need not be listed throughout. */
const differencesMax = 1_000
const gapsMax = 1_000

/** Collects what a verification finds; lists are bounded, counts are not. */
export class Findings {
  readonly differences: Difference[] = []
  readonly gaps: OffsetRange[] = []
  readonly notes: string[] = []
  differenceCount = 0
  gapCount = 0
  gapOffsets = 0

  difference(subject: Subject, place: string, what: string): void {
    this.differenceCount++
    if (this.differences.length < differencesMax) this.differences.push({ subject, place, what })
  }

  /** Offsets that no row and nothing in Kafka explains. */
  gap(range: OffsetRange): void {
    this.gapCount++
    this.gapOffsets += range.to - range.from
    if (this.gaps.length < gapsMax) this.gaps.push(range)
  }

  /** What could not be checked, and why. */
  note(text: string): void {
    this.notes.push(text)
  }
}

/** A difference as a line. */
export const differenceLine = ({ place, what }: Difference): string => `${place}: ${what}`
