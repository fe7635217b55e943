import { projections as everyProjection } from "@landfall/projections/registry"
import {
  type ConsumedMessage,
  type Consumer,
  ConsumerLost,
  type ConsumerOptions,
  type StartingPoint,
} from "../kafka/consumer.ts"
import { openLastingConsumer } from "../kafka/lasting-consumer.ts"
import { DatabaseError } from "../postgres/transaction.ts"
import { failpoint } from "../process/failpoint.ts"
import { type Assignment, gather, look, openAssignment, takeBatch } from "./assignment.ts"
import { type Checkpoint, partitionName } from "./checkpoint.ts"
import type { HistoryWriter, HistoryWriterOptions, PartitionStatus } from "./history-writer.ts"
import { commitSession, ingest } from "./ingest.ts"
import { type MessageReader, messageReader, type ReadMessage } from "./read-message.ts"
import {
  kafkaLogs,
  LogBroken,
  type Resumed,
  requireContinuable,
  requireSameTopics,
  resume,
} from "./resume.ts"
import { requireOwnVersions, SnapshotVersionDiffers } from "./snapshot-versions.ts"

/** What may be wrong, each until the very thing works again. */
type Trouble = "partitions" | "batch" | "postgres" | "kafka"

/** With so few messages a batch takes little longer than without any. */
const smallBatchMessages = 32

/** The largest batch takes a fraction of this: a PostgreSQL that takes longer is told of before the batch is given up. */
const silenceMsMax = 10_000
/** How long the group may take to hear that a writer which cannot go on has left. */
const leaveMsMax = 5_000

/** Reads what the group assigns and hands it to PostgreSQL in batches. */
export class Writer implements HistoryWriter {
  readonly done: Promise<void>
  private readonly options: HistoryWriterOptions
  private readonly readers: ReadonlyMap<string, MessageReader>
  private consumer: Consumer | null = null
  private assignment: Assignment | null = null
  /** Where to read from next, taken up by the reading loop between two reads; see {@link takeUp}. */
  private resumed: { readonly assignment: Assignment; readonly points: ReadonlyArray<StartingPoint> } | null =
    null
  /** Counts assignments, so that work on behalf of an old one can see that it is. */
  private generation = 0
  private underWay: Promise<void> = Promise.resolve()
  private writing = false
  private writingSinceMs = 0
  /** How many messages a batch may have now: fewer when it fails again and again, perhaps because it takes too long. */
  private batchMessages: number
  /** Attempts that failed since the last batch was written. */
  private failures = 0
  private readonly troubles = new Map<Trouble, string>([["partitions", "waiting for partitions"]])
  private stopping = false
  private audit: NodeJS.Timeout | undefined
  private auditing = false
  private finish: (error?: unknown) => void = () => {}

  constructor(options: HistoryWriterOptions) {
    this.options = options
    this.batchMessages = options.limits.batchMessagesMax
    this.readers = new Map(options.topics.map((topic) => [topic.name, messageReader(topic)]))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.done = promise
    this.finish = (error) => (error === undefined ? resolve() : reject(error))
    promise.catch(() => {}) // whoever awaits `done` hears of it; nobody has to
  }

  async open(): Promise<void> {
    const { kafka, groupId, memberName = null, topics, limits, openConsumer } = this.options
    const consumed: ConsumerOptions = {
      group: {
        id: groupId,
        memberName,
        topics: topics.map((topic) => topic.name),
        listener: {
          assigned: async (partitions) => {
            const generation = ++this.generation
            await this.underWay
            await this.establish(
              partitions.map(({ topic, partition }) => ({ topic, partition })),
              generation,
            )
          },
          revoked: async (lost) => {
            if (lost !== undefined) this.options.onEvent?.({ type: "retrying", error: lost })
            this.generation++
            this.assignment = null
            this.resumed = null
            this.troubles.set("partitions", "waiting for partitions")
            await this.underWay
            this.consumer?.unassign()
          },
          onFailure: (error) => this.fail(error),
        },
      },
      waitMs: limits.waitMs,
      queuedBytesMax: limits.queuedBytesMax,
    }
    this.consumer = await openLastingConsumer(kafka, consumed, openConsumer)
    this.audit = setInterval(() => void this.lookAround(), limits.auditMs)
    this.run().catch((error) => this.fail(error))
  }

  partitions(): ReadonlyArray<PartitionStatus> {
    const { assignment } = this
    if (assignment === null) return []
    return Array.from(assignment.session.checkpoints.values(), (checkpoint) => {
      const end = this.consumer?.endOf(checkpoint.topic, checkpoint.partition) ?? null
      const delivered = assignment.delivered.get(partitionName(checkpoint)) ?? checkpoint.nextOffset
      // At the end of a log of transactions stands a marker, which is nothing to read: being told of the end is being there.
      const reached = delivered <= checkpoint.nextOffset ? (end?.reached ?? 0) : 0
      const position = Math.max(checkpoint.nextOffset, reached)
      return {
        topic: checkpoint.topic,
        partition: checkpoint.partition,
        next_offset: checkpoint.nextOffset,
        end_offset: end?.high ?? null,
        lag: end === null ? null : Math.max(0, end.high - position),
        evidence: checkpoint.log.size,
        duplicates: checkpoint.duplicates,
        dead_letters: checkpoint.deadLetters,
        updated_at: new Date(checkpoint.updatedAtMs).toISOString(),
      }
    })
  }

  trouble(): string | null {
    const waitingMs = this.writing ? performance.now() - this.writingSinceMs : 0
    const silence =
      waitingMs > silenceMsMax
        ? [`PostgreSQL has not finished a batch for ${Math.floor(waitingMs / 1000)} s`]
        : []
    const troubles = [...this.troubles.values(), ...silence]
    return troubles.length === 0 ? null : troubles.join("; ")
  }

  async stop(): Promise<void> {
    if (this.stopping) return this.done.catch(() => {})
    this.stopping = true
    clearInterval(this.audit)
    await this.underWay
    this.commitAdvisory()
    await this.consumer?.close()
    this.finish()
  }

  /**
   * Reads in small portions, which gather while PostgreSQL works on the batch before: the more there is to do, the longer
   * the batches; and no portion holds up an answer of PostgreSQL's for long.
   */
  private async run(): Promise<void> {
    while (!this.stopping) {
      const assignment = this.takeUp()
      const messages = await this.consume(assignment)
      if (assignment === null || assignment !== this.assignment) continue
      if (messages.length > 0) failpoint("after_fetch")
      gather(assignment, this.readers, messages)
      if (assignment.gathered.length === 0 && !this.writing) this.troubles.delete("batch")
      this.pump(assignment)
      // As much as the next batch may have: decoding more would only hold up PostgreSQL's answers.
      while (this.writing && this.hasEnough(assignment)) await this.underWay
    }
  }

  private hasEnough({ gathered, gatheredBytes }: Assignment): boolean {
    return gathered.length >= this.batchMessages || gatheredBytes >= this.options.limits.batchBytesMax
  }

  /** Hands what has gathered to PostgreSQL, unless it is still busy: then the end of that batch calls again. */
  private pump(assignment: Assignment): void {
    if (this.writing || this.stopping || assignment !== this.assignment || assignment.gathered.length === 0)
      return
    const batch = takeBatch(assignment, this.batchMessages)
    this.writing = true
    this.writingSinceMs = performance.now()
    this.underWay = this.write(assignment, batch)
  }

  /**
   * A new starting point is set only here, where no read is under way: a read that was waiting when the starting point
   * changed returns messages from both sides of the change, and nobody could tell which of them to leave out.
   */
  private takeUp(): Assignment | null {
    const { resumed } = this
    if (resumed !== null) {
      this.resumed = null
      this.consumer?.assign(resumed.points)
      this.assignment = resumed.assignment
      this.troubles.delete("partitions")
      const partitions = [...resumed.assignment.session.checkpoints.keys()]
      this.options.onEvent?.({ type: "assigned", partitions })
    }
    return this.assignment
  }

  private async consume(assignment: Assignment | null): Promise<ReadonlyArray<ConsumedMessage>> {
    try {
      return (await this.consumer?.consume(this.options.limits.portionMessagesMax)) ?? []
    } catch (error) {
      if (this.stopping) return []
      if (error instanceof ConsumerLost) {
        this.fail(error)
        return []
      }
      // The offset is gone, or the topic: a look at the log tells. The client does not read on after such an error.
      this.troubles.set("kafka", `Kafka: ${words(error)}`)
      await this.lookAround()
      if (assignment !== null) this.restart(assignment, error)
      await pause(this.options.limits.retryMs)
      return []
    }
  }

  private async write(assignment: Assignment, batch: ReadonlyArray<ReadMessage>): Promise<void> {
    const startedMs = performance.now()
    try {
      const now_ms = this.options.now()
      // Asked now, after the last message was read, and answered while PostgreSQL works.
      const sameTopics = requireSameTopics(this.options.admin, assignment.session.checkpoints, batch)
      sameTopics.catch(() => {}) // awaited below, unless the transaction fails before
      const outcome = await this.options.database.transaction(async (transaction) => {
        const written = await ingest(transaction, assignment.session, batch, now_ms)
        await sameTopics
        failpoint("in_transaction")
        return written
      })
      failpoint("after_commit")
      commitSession(assignment.session, outcome)
      this.troubles.delete("batch")
      this.failures = 0
      this.batchMessages = Math.min(2 * this.batchMessages, this.options.limits.batchMessagesMax)
      this.options.onEvent?.({
        type: "written",
        ingested: outcome.ingested,
        tookMs: performance.now() - startedMs,
      })
    } catch (error) {
      if (this.failures > 0) this.batchMessages = Math.max(Math.ceil(batch.length / 4), smallBatchMessages)
      this.restart(assignment, error)
    } finally {
      this.writing = false
      this.pump(assignment)
    }
  }

  /** After a failure nothing in memory counts: the checkpoint says whether the batch was committed, and where to go on. */
  private restart(assignment: Assignment, error: unknown): void {
    const cause = error instanceof DatabaseError ? error.cause : error
    if (cause instanceof LogBroken) return this.fail(cause)
    this.options.onEvent?.({ type: "retrying", error })
    this.troubles.set("batch", words(error))
    if (this.assignment !== assignment || this.stopping) return
    this.assignment = null
    const { generation } = this // when the group gives other partitions during the pause, these are no longer ours
    const partitions = [...assignment.session.checkpoints.values()].map(({ topic, partition }) => ({
      topic,
      partition,
    }))
    const again = async (): Promise<void> => {
      this.consumer?.assign([])
      await this.backOff()
      await this.establish(partitions, generation)
    }
    again().catch((failure) => this.fail(failure))
  }

  /** Reads the checkpoints and goes on from there; keeps trying while PostgreSQL or Kafka are away. */
  private async establish(
    partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
    generation: number,
  ): Promise<void> {
    const {
      database,
      admin,
      now,
      limits,
      topics,
      projections = everyProjection,
      tables,
      onEvent,
    } = this.options
    while (!this.stopping && generation === this.generation) {
      try {
        const resumed =
          partitions.length === 0 ? nothing : await resume(database, admin, partitions, now(), tables)
        requireOwnVersions(resumed.standings, projections)
        if (this.stopping || generation !== this.generation) return
        this.resumed = {
          assignment: openAssignment(resumed, topics, projections, limits.cachedRowsMax, tables),
          points: resumed.partitions.map(({ from }) => from),
        }
        return
      } catch (error) {
        if (error instanceof LogBroken || error instanceof SnapshotVersionDiffers) return this.fail(error)
        onEvent?.({ type: "retrying", error })
        this.troubles.set("batch", words(error))
        await this.backOff()
      }
    }
  }

  /** A connection that broke is soon replaced; what fails again and again is tried less often. */
  private backOff(): Promise<void> {
    return pause(Math.min(this.options.limits.retryMs, 10 * 2 ** this.failures++))
  }

  /** Looks now and then whether Kafka still has what comes next, and whether both are there even when nothing comes. */
  private async lookAround(): Promise<void> {
    if (this.auditing) return
    this.auditing = true
    await this.attempt("kafka", async () => {
      await this.auditLogs()
      this.commitAdvisory()
    })
    await this.attempt("postgres", () =>
      this.options.database.transaction((transaction) => transaction.query("select 1"), {
        deadlineMs: 5_000,
      }),
    )
    this.auditing = false
  }

  /** Tries something; what went wrong is shown until it has worked. */
  private async attempt(name: Trouble, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
      this.troubles.delete(name)
    } catch (error) {
      if (error instanceof LogBroken) this.fail(error)
      else this.troubles.set(name, words(error))
    }
  }

  /** Throws {@link LogBroken} when a log was cut or replaced: the client can lose the error that would say so. */
  private async auditLogs(): Promise<void> {
    const { admin, topics } = this.options
    const { assignment } = this
    // The checkpoints as they are before Kafka is asked: meanwhile they may move beyond the end that it tells.
    const checkpoints = assignment === null ? [] : [...assignment.session.checkpoints.values()]
    if (checkpoints.length > 0) {
      const logs = await kafkaLogs(admin, checkpoints)
      if (assignment === null || assignment !== this.assignment) return
      for (const checkpoint of checkpoints) {
        const log = logs.get(partitionName(checkpoint))
        if (log === undefined) continue
        requireContinuable(checkpoint, log)
        this.watch(assignment, checkpoint, log.end)
      }
    }
    await admin.describe(topics.map(({ name }) => name)) // throws for a topic that is not there
  }

  /** Reads anew when a partition stands still from one look to the next although there is more to read. */
  private watch(assignment: Assignment, checkpoint: Checkpoint, end: number): void {
    const told = this.consumer?.endOf(checkpoint.topic, checkpoint.partition)?.reached ?? 0
    const idle = !this.writing && assignment.gathered.length === 0
    const { name, position, moved } = look(assignment, checkpoint, told)
    if (idle && position < end && !moved)
      this.restart(assignment, new Error(`${name} stands at offset ${position}, though it goes on to ${end}`))
  }

  private commitAdvisory(): void {
    const { assignment } = this
    if (assignment === null || assignment.session.checkpoints.size === 0) return
    failpoint("before_kafka_commit")
    this.consumer?.commitAdvisory(
      Array.from(assignment.session.checkpoints.values(), ({ topic, partition, nextOffset }) => ({
        topic,
        partition,
        offset: nextOffset,
      })),
    )
    failpoint("after_kafka_commit")
  }

  private fail(error: unknown): void {
    if (this.stopping) return
    this.stopping = true
    this.troubles.set("batch", words(error))
    clearInterval(this.audit)
    this.options.onEvent?.({ type: "stopped", error })
    // The reason is told, whether Kafka answers the consumer's leave or not.
    const left = () => Promise.race([this.consumer?.close(), pause(leaveMsMax)])
    void this.underWay.then(left).finally(() => this.finish(error))
  }
}

const nothing: Resumed = { partitions: [], standings: new Map() }

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error))
