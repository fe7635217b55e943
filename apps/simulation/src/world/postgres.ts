import { type Checkpoint, partitionName } from "@landfall/adapters/history/checkpoint"
import type { ReadMessage } from "@landfall/adapters/history/read-message"
import type { StoredRow } from "@landfall/adapters/history/snapshot-table"
import { projections } from "@landfall/projections/registry"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** A row of evidence. */
export interface EvidenceRow {
  readonly message: ReadMessage
  readonly eventId: string
}

/** What a transaction has written so far; all of it is applied at its COMMIT, or nothing. */
export class Writes {
  readonly evidence: EvidenceRow[] = []
  readonly duplicates: ReadMessage[] = []
  readonly deadLetters: ReadMessage[] = []
  readonly rows: Array<{ readonly projection: string; readonly key: string; readonly after: StoredRow }> = []
  readonly checkpoints = new Map<string, Checkpoint>()
}

/** PostgreSQL did not answer, or the answer to a COMMIT was lost: nobody knows whether it was applied. */
export class AnswerLost extends Error {
  override readonly name = "AnswerLost"
}

export interface PostgresFaults {
  /** How likely a transaction fails, or the answer to its COMMIT is lost or late. */
  readonly failing: number
}

/** What stands for a transaction's backend: it holds locks until it has ended, whatever became of its client. */
export interface Backend {
  readonly process: Process
  readonly writes: Writes
  readonly locks: Set<string>
  state: "open" | "committed" | "rolled back"
  /** When the client last asked something. */
  heard_ms: number
}

const placeOf = ({ topic, partition, offset }: ReadMessage): string => `${topic.name}/${partition}/${offset}`

/** The database: append-only evidence, snapshots and checkpoints, changed by transactions that are applied at one instant. */
export class SimulatedPostgres {
  readonly evidence = new Map<string, EvidenceRow>()
  readonly ids = new Map<string, EvidenceRow>()
  readonly duplicates = new Map<string, ReadMessage>()
  readonly deadLetters = new Map<string, ReadMessage>()
  readonly checkpoints = new Map<string, Checkpoint>()
  readonly snapshots = new Map<string, Map<string, StoredRow>>()
  readonly faults: () => PostgresFaults
  /** Off, nothing is locked and writes are applied wherever the checkpoints and rows stand: a mutation. */
  readonly guards: boolean
  private readonly time: VirtualTime
  private readonly random: Random
  private readonly backends = new Set<Backend>()
  private readonly listeners = new Set<() => void>()
  up = true

  constructor(time: VirtualTime, random: Random, faults: () => PostgresFaults, guards = true) {
    this.time = time
    this.random = random
    this.faults = faults
    this.guards = guards
    for (const { name } of projections) this.snapshots.set(name, new Map())
  }

  /** Reads at one instant; takes a moment, and can fail. */
  async read<Value>(process: Process, of: () => Value): Promise<Value> {
    await process.wait(this.random.int(0, 5))
    this.requireUp()
    if (this.random.chance(this.faults().failing)) throw new AnswerLost("the backend was terminated")
    return of()
  }

  requireUp(): void {
    if (!this.up) throw new AnswerLost("PostgreSQL does not answer")
  }

  open(process: Process): Backend {
    const backend: Backend = {
      process,
      writes: new Writes(),
      locks: new Set(),
      state: "open",
      heard_ms: this.time.now(),
    }
    this.backends.add(backend)
    return backend
  }

  /** Takes all of the locks at once, as they are taken in one order; null when that is not possible now. */
  lock(backend: Backend, names: ReadonlyArray<string>): boolean {
    if (!this.guards) return true
    for (const other of this.backends)
      if (other !== backend && names.some((name) => other.locks.has(name))) return false
    for (const name of names) backend.locks.add(name)
    return true
  }

  /** Resolves when a transaction has ended, which may have held a lock. */
  released(): Promise<void> {
    return new Promise((resolve) => {
      const listener = (): void => {
        this.listeners.delete(listener)
        resolve()
      }
      this.listeners.add(listener)
    })
  }

  /** Ends transactions that hold locks and whose clients stand still for so long; how many there were. */
  endSilent(silent_ms: number): number {
    const silent = [...this.backends].filter(
      ({ locks, heard_ms, process }) =>
        locks.size > 0 && process.stopped_since_ms !== null && this.time.now() - heard_ms > silent_ms,
    )
    for (const backend of silent) this.rollBack(backend)
    return silent.length
  }

  rollBack(backend: Backend): void {
    if (backend.state === "open") this.end(backend, "rolled back")
  }

  /** Applies what was written. Throws, and applies nothing, when a key is there already. */
  commit(backend: Backend): void {
    if (backend.state !== "open") throw new AnswerLost("the backend was terminated before the COMMIT")
    const { evidence, duplicates, deadLetters, rows, checkpoints } = backend.writes
    if (this.guards)
      for (const { message, eventId } of evidence)
        if (this.evidence.has(placeOf(message)) || this.ids.has(`${message.topic.name} ${eventId}`)) {
          this.end(backend, "rolled back")
          throw new Error(`duplicate key: ${placeOf(message)} or ${eventId}`)
        }
    for (const row of evidence) {
      if (!this.evidence.has(placeOf(row.message))) this.evidence.set(placeOf(row.message), row)
      this.ids.set(`${row.message.topic.name} ${row.eventId}`, row)
    }
    for (const message of duplicates) this.duplicates.set(placeOf(message), message)
    for (const message of deadLetters) this.deadLetters.set(placeOf(message), message)
    for (const { projection, key, after } of rows) this.snapshots.get(projection)?.set(key, after)
    for (const checkpoint of checkpoints.values()) this.checkpoints.set(partitionName(checkpoint), checkpoint)
    this.end(backend, "committed")
  }

  private end(backend: Backend, state: "committed" | "rolled back"): void {
    backend.state = state
    backend.locks.clear()
    this.backends.delete(backend)
    for (const listener of [...this.listeners]) listener()
  }
}
