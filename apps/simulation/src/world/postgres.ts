import { type Checkpoint, CheckpointMoved, partitionName } from "@landfall/adapters/history/checkpoint"
import type { ReadMessage } from "@landfall/adapters/history/read-message"
import { emptyLog } from "@landfall/adapters/transparency-log/merkle-log"
import { topics } from "@landfall/domain/registry"
import { projections } from "@landfall/projections/registry"
import { partitionCount } from "./kafka.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"

/** A row of a projection, and the event that it was last folded from. */
export interface SnapshotRow {
  readonly row: unknown
  readonly partition: number
  readonly offset: number
}

/** A row of evidence. */
export interface EvidenceRow {
  readonly message: ReadMessage
  readonly eventId: string
}

/** What one transaction would write; it is applied whole, if at all. */
export interface Writes {
  readonly evidence: ReadonlyArray<EvidenceRow>
  readonly duplicates: ReadonlyArray<ReadMessage>
  readonly deadLetters: ReadonlyArray<ReadMessage>
  readonly rows: ReadonlyArray<{
    readonly projection: string
    readonly key: string
    readonly before: SnapshotRow | null
    readonly after: SnapshotRow
  }>
  readonly checkpoints: ReadonlyArray<{ readonly from: Checkpoint; readonly to: Checkpoint }>
}

/** PostgreSQL did not answer, or the answer to a COMMIT was lost: nobody knows whether it was applied. */
export class AnswerLost extends Error {
  override readonly name = "AnswerLost"
}

export interface PostgresFaults {
  /** How likely a transaction fails, or the answer to its COMMIT is lost. */
  readonly failing: number
}

const placeOf = ({ topic, partition, offset }: ReadMessage): string => `${topic.name}/${partition}/${offset}`

/** The 16 bytes that name a topic in leaf hashes. */
export const topicIdOf = (topic: string): Buffer => Buffer.from(topic.padEnd(16, ".").slice(-16), "latin1")

/** The database: append-only evidence, snapshots and checkpoints, changed by transactions that are applied at one instant. */
export class SimulatedPostgres {
  readonly evidence = new Map<string, EvidenceRow>()
  readonly ids = new Map<string, EvidenceRow>()
  readonly duplicates = new Map<string, ReadMessage>()
  readonly deadLetters = new Map<string, ReadMessage>()
  readonly checkpoints = new Map<string, Checkpoint>()
  readonly snapshots = new Map<string, Map<string, SnapshotRow>>()
  private readonly random: Random
  private readonly faults: () => PostgresFaults
  /** Off, writes are applied wherever the checkpoints and rows stand: a mutation that the invariants must find. */
  private readonly compareAndSet: boolean
  up = true

  constructor(random: Random, faults: () => PostgresFaults, compareAndSet = true) {
    this.random = random
    this.faults = faults
    this.compareAndSet = compareAndSet
    for (const { name } of projections) this.snapshots.set(name, new Map())
    for (const { name } of topics)
      for (let partition = 0; partition < partitionCount; partition++)
        this.checkpoints.set(partitionName({ topic: name, partition }), {
          topic: name,
          partition,
          topicId: topicIdOf(name),
          firstOffset: 0,
          nextOffset: 0,
          last: null,
          log: emptyLog,
          duplicates: 0,
          deadLetters: 0,
          updatedAtMs: 0,
        })
  }

  /** Reads at one instant; takes a moment, and can fail. */
  async read<Value>(process: Process, of: () => Value): Promise<Value> {
    await process.wait(this.random.int(0, 5))
    this.requireUp()
    if (this.random.chance(this.faults().failing)) throw new AnswerLost("the backend was terminated")
    return of()
  }

  /** Runs a read-write transaction: what `work` makes of the state, applied at the COMMIT if everything still stands. */
  async transaction<Made extends Writes>(process: Process, work: () => Made): Promise<Made> {
    await process.wait(this.random.int(0, 5))
    this.requireUp()
    const made = work()
    await process.step("in the transaction")
    await process.wait(this.random.int(0, 10))
    const fate = this.random.next() / Math.max(this.faults().failing, 1e-9)
    if (fate < 0.5) throw new AnswerLost("the backend was terminated in the transaction")
    this.requireUp()
    this.apply(made)
    await process.step("after COMMIT")
    if (fate < 1) throw new AnswerLost("the answer to COMMIT was lost")
    return made
  }

  private requireUp(): void {
    if (!this.up) throw new AnswerLost("PostgreSQL does not answer")
  }

  private apply(writes: Writes): void {
    if (this.compareAndSet) this.requireUnmoved(writes)
    for (const row of writes.evidence) {
      const id = `${row.message.topic.name} ${row.eventId}`
      if (!this.evidence.has(placeOf(row.message))) this.evidence.set(placeOf(row.message), row)
      this.ids.set(id, row)
    }
    for (const message of writes.duplicates) this.duplicates.set(placeOf(message), message)
    for (const message of writes.deadLetters) this.deadLetters.set(placeOf(message), message)
    for (const { projection, key, after } of writes.rows) this.snapshots.get(projection)?.set(key, after)
    for (const { to } of writes.checkpoints) this.checkpoints.set(partitionName(to), to)
  }

  /** Keys are unique, and checkpoints and rows are moved only from where the writer found them. */
  private requireUnmoved({ evidence, checkpoints, rows }: Writes): void {
    for (const { from } of checkpoints) {
      const found = this.checkpoints.get(partitionName(from))
      if (found?.nextOffset !== from.nextOffset || found.log.size !== from.log.size)
        throw new CheckpointMoved(`another writer moved the checkpoint of ${partitionName(from)}`)
    }
    for (const { projection, key, before } of rows) {
      const found = this.snapshots.get(projection)?.get(key)
      if (found?.offset !== before?.offset || found?.partition !== before?.partition)
        throw new CheckpointMoved(`another writer changed ${key} of ${projection}`)
    }
    for (const { message, eventId } of evidence)
      if (this.evidence.has(placeOf(message)) || this.ids.has(`${message.topic.name} ${eventId}`))
        throw new Error(`duplicate key: ${placeOf(message)} or ${eventId}`)
  }
}
