import type { AnyProjection } from "@landfall/projections/registry"
import type { Checkpoint } from "../history/checkpoint.ts"
import type { ChangedRow, StoredRow } from "../history/snapshot-table.ts"

/** How far one partition has been folded. */
export interface FoldedPartition {
  /** The offset of the next event to fold. */
  next: number
  /** Events folded that are leaves of the partition's log; retried dead letters are none. */
  events: number
}

/** A row in memory, and the version of it that the table has. */
interface HeldRow {
  row: unknown
  partition: number
  offset: number
  /** Null when the table has no such row. */
  stored: { readonly partition: number; readonly offset: number } | null
  changed: boolean
}

/**
 * All rows of a projection in memory while they are folded, and which of them the table beside the live one does not have
 * yet. This is the state that a rebuild holds; all else is a buffer of fixed size.
 */
export class FoldedRows {
  readonly partitions = new Map<number, FoldedPartition>()
  private readonly projection: AnyProjection
  private readonly held = new Map<string, HeldRow>()
  private changed: Array<readonly [key: string, row: HeldRow]> = []

  constructor(projection: AnyProjection) {
    this.projection = projection
  }

  get size(): number {
    return this.held.size
  }

  /** Events folded so far, as leaves of the logs. */
  get events(): number {
    let events = 0
    for (const partition of this.partitions.values()) events += partition.events
    return events
  }

  /** Takes in rows that the table has. */
  load(rows: ReadonlyMap<string, StoredRow>): void {
    for (const [key, { row, partition, offset }] of rows)
      this.held.set(key, { row, partition, offset, stored: { partition, offset }, changed: false })
  }

  /** Folds events of one partition: what is returned takes them one by one. */
  folding(partition: number): (record: unknown, offset: number, retried: boolean) => void {
    const { held } = this
    const { key: keyOf, evolve } = this.projection
    const at = this.partition(partition)
    return (record, offset, retried) => {
      at.next = offset + 1
      if (!retried) at.events++
      const key = keyOf(record)
      const before = held.get(key)
      const row = evolve(before?.row ?? null, record)
      if (row === null || row === before?.row) return
      if (before === undefined) {
        const fresh = { row, partition, offset, stored: null, changed: true }
        held.set(key, fresh)
        this.changed.push([key, fresh])
        return
      }
      before.row = row
      before.partition = partition
      before.offset = offset
      if (before.changed) return
      before.changed = true
      this.changed.push([key, before])
    }
  }

  /** How far a partition has been folded; from the beginning when it was not folded yet. */
  partition(partition: number): FoldedPartition {
    const known = this.partitions.get(partition) ?? { next: 0, events: 0 }
    this.partitions.set(partition, known)
    return known
  }

  /** The partition has been read to there, whether or not events stood at its end. */
  reach(partition: number, next: number): void {
    const at = this.partition(partition)
    at.next = Math.max(at.next, next)
  }

  get(key: string): StoredRow | undefined {
    return this.held.get(key)
  }

  keys(): IterableIterator<string> {
    return this.held.keys()
  }

  /** The rows that the table does not have as they are now. */
  *changes(): Generator<ChangedRow> {
    for (const [key, after] of this.changed) yield { key, before: asStored(after), after }
  }

  /** The table has all changes, for good. */
  written(): void {
    for (const [, row] of this.changed) {
      row.stored = { partition: row.partition, offset: row.offset }
      row.changed = false
    }
    this.changed = []
  }

  /** The partitions whose number of folded events is not the size of their log, although both stand at the same place. */
  uneven(checkpoints: ReadonlyArray<Checkpoint>): ReadonlyArray<string> {
    return checkpoints.flatMap(({ topic, partition, log }) => {
      const { events } = this.partition(partition)
      return events === log.size
        ? []
        : [`${topic}/${partition}: ${events} events were folded, the log has ${log.size}`]
    })
  }
}

/** What the table has of a row; only its version is known. */
const asStored = ({ stored }: HeldRow): StoredRow | null =>
  stored === null ? null : { row: null, ...stored }
