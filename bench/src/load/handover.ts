/** How long the partitions of a writer that ended stood still. */
export interface HandedOver {
  /** Until others wrote on one of them, and all of them, in milliseconds from its end. */
  readonly first_ms: number
  readonly all_ms: number
}

/** Watches the partitions of a writer that has ended until each was written on by another. */
export class Handover {
  private readonly at_ms: number
  private readonly left: Map<number, number>
  private first_ms: number | null = null
  private all_ms: number | null = null

  /** `left` are its partitions, each with the next offset at its end, and where it ends: one that is done has no need of others. */
  constructor(at_ms: number, left: ReadonlyMap<number, { readonly next: number; readonly end: number }>) {
    this.at_ms = at_ms
    this.left = new Map(
      [...left].filter(([, { next, end }]) => next < end).map(([partition, { next }]) => [partition, next]),
    )
  }

  /** Takes in how far each partition is written at an instant. */
  look(now_ms: number, positions: ReadonlyMap<number, number>): void {
    for (const [partition, next] of this.left) {
      if ((positions.get(partition) ?? 0) <= next) continue
      this.left.delete(partition)
      this.first_ms ??= now_ms - this.at_ms
      this.all_ms = now_ms - this.at_ms
    }
  }

  /** What was seen; null when there was nothing to hand over, or it was not all handed over. */
  result(): HandedOver | null {
    const { first_ms, all_ms } = this
    return this.left.size > 0 || first_ms === null || all_ms === null ? null : { first_ms, all_ms }
  }
}
