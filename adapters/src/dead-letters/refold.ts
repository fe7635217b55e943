import type { AnyTopic } from "@landfall/domain/registry"
import { type AnyProjection, projectionsOfTopic } from "@landfall/projections/registry"
import { type EvidenceEvent, readEvidence } from "../history/evidence-source.ts"
import type { StoredRow } from "../history/snapshot-table.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { inOrder } from "./in-order.ts"
import type { Accepted } from "./judge.ts"

/** How far a partition is to be read. */
export interface PartitionEnd {
  readonly partition: number
  readonly nextOffset: number
}

/** One row that is folded again, and the last partition that had an event of it. */
interface Refolded {
  stored: StoredRow | null
  partition: number
}

/**
 * Folds some rows of a topic again from all their events, and those alone: partition by partition and in the order of each
 * log, which is how the whole is folded, with the given letters in their places. It can be read on from where it was.
 */
export class Refold {
  private readonly topic: AnyTopic
  private readonly letters: ReadonlyArray<Accepted>
  private readonly rows: ReadonlyMap<AnyProjection, ReadonlyMap<string, Refolded>>
  private readonly read = new Map<number, number>()

  constructor(topic: AnyTopic, letters: ReadonlyArray<Accepted>) {
    this.topic = topic
    this.letters = letters
    this.rows = new Map(
      projectionsOfTopic(topic.name).map((projection) => [
        projection,
        new Map(letters.map(({ record }) => [projection.key(record), { stored: null, partition: -1 }])),
      ]),
    )
  }

  /**
   * Reads up to those ends. False when a row has events in several partitions and there was more in an earlier one: then
   * what was folded is worth nothing, and another must begin anew.
   */
  async readTo(
    transaction: Transaction,
    ends: ReadonlyArray<PartitionEnd>,
    onProgress: (events: number) => void = () => {},
  ): Promise<boolean> {
    for (const { partition, nextOffset } of [...ends].sort(
      (left, right) => left.partition - right.partition,
    )) {
      const from = this.read.get(partition) ?? 0
      if (from >= nextOffset) continue
      const query = { partition, from, to: nextOffset }
      const pages = inOrder(readEvidence(transaction, this.topic, query), this.lettersIn(query))
      for await (const page of pages) {
        for (const event of page) if (!this.take(event)) return false
        onProgress(page.length)
      }
      this.read.set(partition, nextOffset)
    }
    return true
  }

  /** The rows as they are to be, by projection and key. */
  results(): ReadonlyArray<readonly [AnyProjection, ReadonlyMap<string, StoredRow>]> {
    return Array.from(this.rows, ([projection, rows]) => [
      projection,
      new Map([...rows].flatMap(([key, { stored }]) => (stored === null ? [] : [[key, stored] as const]))),
    ])
  }

  private take({ partition, offset, decoded }: Placed): boolean {
    if (!decoded.ok) return true // evidence that today's schema refuses is for `verify` to tell
    for (const [projection, rows] of this.rows) {
      const kept = rows.get(projection.key(decoded.record))
      if (kept === undefined) continue
      if (partition < kept.partition) return false
      kept.partition = partition
      const before = kept.stored?.row ?? null
      const row = projection.evolve(before, decoded.record)
      if (row !== null && row !== before) kept.stored = { row, partition, offset }
    }
    return true
  }

  private async *lettersIn(query: { partition: number; from: number; to: number }): AsyncGenerator<Placed> {
    for (const { letter, record } of this.letters)
      if (letter.partition === query.partition && letter.offset >= query.from && letter.offset < query.to)
        yield { partition: letter.partition, offset: letter.offset, decoded: { ok: true, record } }
  }
}

type Placed = Pick<EvidenceEvent, "partition" | "offset" | "decoded">
