import { hostname } from "node:os"
import { setTimeout as pause } from "node:timers/promises"
import type { AnyProjection } from "@landfall/projections/registry"
import { type Checkpoint, readCheckpoints } from "../history/checkpoint.ts"
import { holdSnapshots, openSnapshotTable } from "../history/snapshot-table.ts"
import { readStandings, type SnapshotStanding } from "../history/snapshot-versions.ts"
import { type Database, DatabaseError, type Transaction } from "../postgres/transaction.ts"
import { compareWithLive, type SnapshotDifference } from "./difference.ts"
import { foldEvidence } from "./fold-evidence.ts"
import { foldTopics } from "./fold-topics.ts"
import { type FoldedPartition, FoldedRows } from "./folded-rows.ts"
import {
  defaultRebuildLimits,
  RebuildInterrupted,
  type RebuildLimits,
  type RebuildOptions,
  type RebuildPhase,
  RebuildRefused,
  type Rebuilt,
} from "./options.ts"
import { swapSnapshot } from "./promote.ts"
import { readCopies, readCopyPositions, type SnapshotCopy, shadowTable, writeShadow } from "./shadow.ts"

/** Makes or finds the shadow, in the first transaction. */
export type OpenShadow = (
  transaction: Transaction,
  copies: ReadonlyArray<SnapshotCopy>,
  holder: string,
) => Promise<{ readonly source: SnapshotCopy["source"]; readonly resumed: boolean }>

/** Reading or indexing millions of rows takes long; who is dead is noticed by the connection. */
const deadlineMs = 24 * 3_600_000
/** So few events are folded within the transaction that swaps. */
const tailEventsMax = 20_000
/** A writer that is quicker than the fold is not run after for ever. */
const catchUpRounds = 20
const promoteRetryMs = 500
/** Events between two reports. */
const reportEvents = 4_096

const reading = { mode: "repeatable read read only", deadlineMs } as const
const writing = { deadlineMs } as const

/** One rebuild under way: the rows in memory, the shadow that they are written to, and how far both are. */
export class Rebuilding {
  private readonly database: Database
  private readonly projection: AnyProjection
  private readonly options: RebuildOptions
  private readonly limits: RebuildLimits
  private readonly relock: (transaction: Transaction) => Promise<void>
  private readonly holder: string
  private readonly rows: FoldedRows
  /** Where the shadow stands in the database. */
  private stored: ReadonlyMap<number, FoldedPartition> = new Map()
  private storedEvents = 0
  private source: SnapshotCopy["source"] = "evidence"
  private resumed = false
  private live: SnapshotStanding | null = null
  /** Where a frozen live table stands: the difference is told there. */
  private frozen: ReadonlyMap<number, FoldedPartition> | null = null
  private total = 0
  private reported = 0

  constructor(
    database: Database,
    projection: AnyProjection,
    options: RebuildOptions,
    relock: (transaction: Transaction) => Promise<void>,
  ) {
    this.database = database
    this.projection = projection
    this.options = options
    this.relock = relock
    this.limits = { ...defaultRebuildLimits, ...options.limits }
    this.holder = options.holder ?? `process ${process.pid} on ${hostname()}`
    this.rows = new FoldedRows(projection)
  }

  /** Opens the shadow and takes in the rows that it has. */
  async open(openShadow: OpenShadow): Promise<void> {
    const { name, version, topic } = this.projection
    await this.database.transaction(async (transaction) => {
      await this.relock(transaction)
      await transaction.query(
        "insert into snapshot_versions (projection, version) values ($1, $2) on conflict do nothing",
        [name, version],
      )
      const { source, resumed } = await openShadow(
        transaction,
        await readCopies(transaction, this.projection),
        this.holder,
      )
      this.source = source
      this.resumed = resumed
      this.stored = await readCopyPositions(transaction, this.projection, "shadow")
      await this.readLive(transaction)
      this.total = totalOf(await readCheckpoints(transaction, topic.name))
    }, writing)
    for (const [partition, at] of this.stored) this.rows.partitions.set(partition, { ...at })
    this.storedEvents = this.rows.events
    this.report("loading")
    if (!this.resumed) return
    await this.database.transaction(async (transaction) => {
      await this.relock(transaction)
      const table = openSnapshotTable(this.projection, shadowTable(this.projection))
      for await (const page of table.pages(transaction)) this.rows.load(page)
    }, reading)
  }

  /** Folds what there is, tells the difference, and promotes if that was asked for. */
  async finish(): Promise<Rebuilt> {
    const { compare = true, promote = false } = this.options
    if (this.options.from === "topics" && this.source === "topics") await this.foldFromTopics()
    let difference: SnapshotDifference | null = null
    let uncompared: string | null = null
    if (compare && this.frozen !== null) {
      await this.catchUp(this.frozen)
      if (this.isAt(this.frozen)) difference = await this.compare(false)
      else
        uncompared = `the live table was frozen at an earlier position than the shadow has reached; begin anew to compare them`
    }
    await this.catchUp(null)
    if (compare && this.frozen === null) difference = await this.compare(true)
    if (promote) await this.promote()
    else await this.flush()
    const { name, version, topic } = this.projection
    const at = [...this.rows.partitions].map(([partition, { next }]) => [String(partition), next] as const)
    return {
      projection: name,
      version,
      from: this.source,
      resumed: this.resumed,
      events: this.rows.events,
      rows: this.rows.size,
      position: { [topic.name]: Object.fromEntries(at) },
      live_version: this.live?.version ?? version,
      difference,
      uncompared,
      promoted: promote,
    }
  }

  private async readLive(transaction: Transaction): Promise<void> {
    this.live = (await readStandings(transaction)).get(this.projection.name) ?? null
    this.frozen =
      this.live === null || this.live.frozenAtMs === null
        ? null
        : await readCopyPositions(transaction, this.projection, "live")
  }

  private isAt(positions: ReadonlyMap<number, FoldedPartition>): boolean {
    const { partitions } = this.rows
    return [...partitions].every(([partition, { next }]) => next === (positions.get(partition)?.next ?? 0))
  }

  private async foldFromTopics(): Promise<void> {
    const { topics, signal } = this.options
    if (topics === undefined) throw new RebuildRefused("to fold from topics, Kafka has to be named")
    await foldTopics(this.database, topics, this.projection, {
      rows: this.rows,
      ...(signal === undefined ? {} : { signal }),
      onEvents: () => this.report("folding"),
      onSegment: () => this.flushNowAndThen(),
      segmentOffsets: this.limits.segmentOffsets,
    })
    await this.flushNowAndThen()
  }

  /** Folds segment after segment until little can have come in since, or up to the given positions. */
  private async catchUp(until: ReadonlyMap<number, FoldedPartition> | null): Promise<void> {
    for (let rounds = 0; rounds < catchUpRounds; ) {
      const before = this.rows.events
      const left = await this.database.transaction(async (transaction) => {
        await this.relock(transaction)
        const checkpoints = await readCheckpoints(transaction, this.projection.topic.name)
        return this.advance(transaction, checkpoints, this.limits.segmentOffsets, until)
      }, reading)
      await this.flushNowAndThen()
      if (left > 0) continue
      if (until !== null || this.rows.events - before <= tailEventsMax) return
      rounds++
    }
  }

  /** Folds up to so many offsets towards the checkpoints; says how many were left. */
  private advance(
    transaction: Transaction,
    checkpoints: ReadonlyArray<Checkpoint>,
    offsetsMax = Number.MAX_SAFE_INTEGER,
    until: ReadonlyMap<number, FoldedPartition> | null = null,
  ): Promise<number> {
    this.total = totalOf(checkpoints)
    const { rows } = this
    const onEvents = (): void => this.report("folding")
    return foldEvidence(transaction, this.projection, { rows, checkpoints, offsetsMax, until, onEvents })
  }

  private async flushNowAndThen(): Promise<void> {
    const { signal } = this.options
    const due = this.rows.events - this.storedEvents >= this.limits.flushEvents
    if (due || signal?.aborted === true) await this.flush()
    if (signal?.aborted === true)
      throw new RebuildInterrupted(
        `the rebuild of ${this.projection.name} was interrupted after ${this.rows.events} events, which are kept: run it again to go on from there; nothing was promoted`,
      )
  }

  /** Writes to the shadow what it does not have yet. */
  private async flush(): Promise<void> {
    await this.database.transaction(async (transaction) => {
      await this.relock(transaction)
      await writeShadow(transaction, this.projection, this.rows, this.stored)
    }, writing)
    this.keepStored()
  }

  private keepStored(): void {
    this.rows.written()
    this.stored = new Map(Array.from(this.rows.partitions, ([partition, at]) => [partition, { ...at }]))
    this.storedEvents = this.rows.events
  }

  /** Holds the live table against the rows, both as one state of the database has them. */
  private compare(isWritten: boolean): Promise<SnapshotDifference> {
    this.report("comparing")
    return this.database.transaction(async (transaction) => {
      await holdSnapshots(transaction, [this.projection])
      await this.relock(transaction)
      if (isWritten)
        await this.advance(transaction, await readCheckpoints(transaction, this.projection.topic.name))
      return compareWithLive(transaction, this.projection, this.rows)
    }, reading)
  }

  /** Swaps as soon as nobody reads the live table in a long transaction. */
  private async promote(): Promise<void> {
    this.report("indexing")
    await this.flush()
    await this.database.transaction(async (transaction) => {
      await this.relock(transaction)
      await transaction.query("select index_shadow_snapshot($1)", [this.projection.name])
    }, writing)
    await this.catchUp(null) // what came in while the indexes were made
    for (let attempt = 1; ; attempt++) {
      this.report("promoting")
      try {
        await this.database.transaction((transaction) => this.swap(transaction), writing)
        this.keepStored()
        return
      } catch (error) {
        if (!isBusy(error)) throw error
        if (attempt >= this.limits.promoteAttempts)
          throw new RebuildRefused(
            `the live table of ${this.projection.name} was read by long transactions each time (${attempt} attempts): nothing was promoted and the rebuilt rows are kept; run it again when they have ended`,
          )
      }
      await pause(promoteRetryMs)
      if (this.options.signal?.aborted === true) await this.flushNowAndThen()
      await this.catchUp(null)
    }
  }

  private async swap(transaction: Transaction): Promise<void> {
    await this.relock(transaction)
    await transaction.script(`set local lock_timeout = ${this.limits.lockTimeoutMs}`)
    // Waits for the batches under way and holds up the next ones, those of new partitions as well.
    await transaction.script("lock table checkpoints in exclusive mode")
    await this.readLive(transaction)
    const checkpoints = await readCheckpoints(transaction, this.projection.topic.name)
    await this.advance(transaction, checkpoints)
    const uneven = this.rows.uneven(checkpoints)
    if (uneven.length > 0)
      throw new RebuildRefused(
        `the evidence of ${this.projection.name} is not what its log says (${uneven.join("; ")}): \`landfall verify\` tells what was changed; nothing was promoted`,
      )
    await writeShadow(transaction, this.projection, this.rows, this.stored)
    if (this.live === null)
      throw new RebuildRefused(`nobody has claimed the snapshot of ${this.projection.name}`)
    await swapSnapshot(transaction, this.projection, this.live, checkpoints, this.holder)
  }

  private report(phase: RebuildPhase): void {
    const { events } = this.rows
    const step = Math.min(reportEvents, this.limits.flushEvents)
    if (phase === "folding" && events - this.reported < step) return
    this.reported = events
    this.options.onProgress?.({ phase, events, total: Math.max(events, this.total) })
  }
}

const totalOf = (checkpoints: ReadonlyArray<Checkpoint>): number =>
  checkpoints.reduce((sum, { log }) => sum + log.size, 0)

/** Somebody holds a lock that is needed: `lock_not_available`, `deadlock_detected`. */
const isBusy = (error: unknown): boolean =>
  error instanceof DatabaseError && (error.code === "55P03" || error.code === "40P01")
