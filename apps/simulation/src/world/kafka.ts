import { createHash } from "node:crypto"
import type { OutgoingMessage } from "@landfall/adapters/kafka/publisher"
import type { Cut } from "@landfall/domain/position"
import { topics } from "@landfall/domain/registry"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** A message or a transaction marker at its offset. */
export interface Entry {
  readonly kind: "message" | "marker"
  readonly key: Buffer
  readonly value: Buffer
  /** As it is dated. */
  readonly at_ms: number
  /** When it came, by nobody's clock. */
  readonly came_ms: number
  readonly transaction: TransactionPart | null
}

/**
 * What a Kafka transaction has in one partition: it holds back what lies behind it until the partition was told how it
 * ended, which each is at its own time after the commit was answered.
 */
export interface TransactionPart {
  state: "open" | "committed" | "aborted"
}

/** What is wrong with a log for whoever reads it as a consumer: retention, an unclean election, a topic made anew. */
export interface LogDamage {
  readonly kind: "retained" | "truncated" | "recreated"
  /** The first offset that is left, or the first that is gone. */
  readonly offset: number
}

/** Protections of readers that can be taken out. */
export interface KafkaMutations {
  /** On, who held a transactional id before goes on publishing. */
  readonly unfenced?: boolean
  /** On, nobody is told that a log was damaged, and reading goes on with what there is. */
  readonly damageUntold?: boolean
  /** On, consumers are given what was aborted or is not committed yet. */
  readonly uncommittedRead?: boolean
}

/** How the brokers date messages. */
export interface BrokerClock {
  /** How far it is ahead. */
  readonly ahead_ms: number
  /** Whether messages have its time, and not their producers'. */
  readonly stamps: boolean
}

/** How long a transaction may stay open: what its producer asks for, and how often the brokers look. */
const transaction_ms_max = 40_000
/** Kafka refuses messages that are dated so far after its own time (`message.timestamp.after.max.ms`). */
const future_ms_max = 3_600_000

/** The parts of an open transaction, by partition. */
type Transaction = Map<Entry[], TransactionPart>

/** A message that readers see. */
export interface Delivered {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly entry: Entry
}

/** The 16 bytes that name a topic in leaf hashes. */
export const topicIdOf = (topic: string): Buffer => Buffer.from(topic.padEnd(16, ".").slice(-16), "latin1")

/** How many partitions each topic has. */
export const partitionCount = 2

const partitionOf = (key: string): number => {
  let hash = 7
  for (let index = 0; index < key.length; index++) hash = (hash * 31 + key.charCodeAt(index)) | 0
  return (hash >>> 0) % partitionCount
}

const nothing = Buffer.alloc(0)

/** The brokers: partitions that only grow, transactions, and transactional ids that fence who held them before. */
export class SimulatedKafka {
  private readonly logs = new Map<string, ReadonlyArray<Entry[]>>()
  private readonly epochs = new Map<string, number>()
  private readonly open = new Map<string, Transaction>()
  private readonly stable = new Map<Entry[], number>()
  private readonly settled_ms = new Map<string, number>()
  private readonly time: VirtualTime
  private readonly random: Random
  private readonly listeners = new Set<() => void>()
  /** Whether the brokers answer. */
  up = true

  private readonly clock: BrokerClock
  private readonly mutations: KafkaMutations
  private readonly damages = new Map<string, LogDamage>()

  constructor(time: VirtualTime, random: Random, clock: BrokerClock, mutations: KafkaMutations = {}) {
    this.time = time
    this.random = random
    this.clock = clock
    this.mutations = mutations
    for (const { name } of topics)
      this.logs.set(
        name,
        Array.from({ length: partitionCount }, () => []),
      )
  }

  requireUp(): void {
    if (!this.up) throw new Error("no broker answers")
  }

  partition(topic: string, partition: number): Entry[] {
    const log = this.logs.get(topic)?.[partition]
    if (log === undefined) throw new RangeError(`there is no partition ${topic}/${partition}`)
    return log
  }

  /** The offset after everything, also what is not committed. */
  ends(): Cut {
    return Object.fromEntries(
      [...this.logs].map(([topic, partitions]) => [
        topic,
        Object.fromEntries(partitions.map((log, partition) => [String(partition), log.length])),
      ]),
    )
  }

  /** The last stable offset: before it every transaction has ended. */
  stableEnd(topic: string, partition: number): number {
    const log = this.partition(topic, partition)
    // What has ended never opens again, so it is looked at once.
    let end = this.stable.get(log) ?? 0
    while (end < log.length && log[end]?.transaction?.state !== "open") end++
    this.stable.set(log, end)
    return end
  }

  /** Committed messages from an offset on, at most `max`, and where reading goes on. */
  read(
    topic: string,
    partition: number,
    from: number,
    max: number,
    uncommitted = false,
  ): { messages: Delivered[]; next: number } {
    const log = this.partition(topic, partition)
    const messages: Delivered[] = []
    let offset = from
    for (; offset < log.length && messages.length < max; offset++) {
      const entry = log[offset] as Entry
      if (entry.transaction?.state === "open" && !uncommitted) break
      if (entry.kind === "message" && (entry.transaction?.state !== "aborted" || uncommitted))
        messages.push({ topic, partition, offset, entry })
    }
    return { messages, next: offset }
  }

  /** Takes a transactional id: aborts what its holder left open and fences it. */
  takeId(id: string): number {
    const epoch = (this.epochs.get(id) ?? -1) + 1
    this.epochs.set(id, epoch)
    this.end(id, "aborted")
    return epoch
  }

  isFenced(id: string, epoch: number): boolean {
    return this.mutations.unfenced !== true && this.epochs.get(id) !== epoch
  }

  /** A committed message of the topic; null when the place that was chosen has none. */
  anyMessage(topic: string, random: Random): Entry | null {
    const log = this.partition(topic, random.int(0, partitionCount - 1))
    const entry = log.length === 0 ? undefined : random.pick(log)
    const isCommitted = entry?.transaction === null || entry?.transaction?.state === "committed"
    return entry?.kind === "message" && isCommitted ? entry : null
  }

  /** How many messages were committed. */
  size(): number {
    return [...this.logs.values()]
      .flat(2)
      .filter(({ kind, transaction }) => kind === "message" && transaction?.state !== "aborted").length
  }

  /** One hash over all partitions. */
  digest(): string {
    const all = createHash("sha256")
    for (const [topic, partitions] of this.logs)
      for (const [partition, log] of partitions.entries())
        for (const [offset, { kind, value, at_ms, transaction }] of log.entries())
          all.update(`${topic}/${partition}/${offset} ${kind} ${transaction?.state} ${at_ms} `).update(value)
    return all.digest("hex")
  }

  /** Appends to the open transaction of a transactional id, which begins with its first message. */
  append(id: string, { topic, key, value }: OutgoingMessage, stamp_ms: number): void {
    const at_ms = this.dated(stamp_ms)
    const transaction = this.open.get(id) ?? this.openFor(id)
    const log = this.partition(topic, partitionOf(key))
    const part = transaction.get(log) ?? { state: "open" }
    transaction.set(log, part)
    log.push({
      kind: "message",
      key: Buffer.from(key),
      value: Buffer.from(value),
      at_ms,
      came_ms: this.time.now(),
      transaction: part,
    })
  }

  /** A transaction that nobody ends, because who began it died and has no successor, is aborted by the brokers. */
  private openFor(id: string): Transaction {
    const transaction: Transaction = new Map()
    this.open.set(id, transaction)
    this.time.at(this.time.now() + transaction_ms_max, () => {
      if (this.open.get(id) === transaction) this.end(id, "aborted")
    })
    return transaction
  }

  private dated(stamp_ms: number): number {
    const own_ms = this.time.now() + this.clock.ahead_ms
    if (this.clock.stamps) return own_ms
    if (stamp_ms > own_ms + future_ms_max) throw new Error("the timestamp of the message is out of range")
    return stamp_ms
  }

  /** Writes without a transaction: what others produce, also bytes that are no record. */
  write(topic: string, key: string, value: Buffer, stamp_ms: number): void {
    const log = this.partition(topic, partitionOf(key))
    const [at_ms, came_ms] = [this.dated(stamp_ms), this.time.now()]
    log.push({ kind: "message", key: Buffer.from(key), value, at_ms, came_ms, transaction: null })
    this.tell()
  }

  /** Ends the open transaction of a transactional id; each partition that it touched gets a marker, a moment later. */
  end(id: string, state: "committed" | "aborted"): void {
    const transaction = this.open.get(id)
    if (transaction === undefined) return
    this.open.delete(id)
    for (const [log, part] of transaction) {
      const at_ms = this.time.now() + this.random.int(0, this.random.chance(0.1) ? 800 : 20)
      this.settled_ms.set(id, Math.max(at_ms, this.settled_ms.get(id) ?? 0))
      this.time.at(at_ms, () => {
        part.state = state
        log.push({ kind: "marker", key: nothing, value: nothing, at_ms, came_ms: at_ms, transaction: null })
        this.tell()
      })
    }
  }

  /** How long it takes until every partition knows how the transactions of that id ended. */
  settling_ms(id: string): number {
    return Math.max(0, (this.settled_ms.get(id) ?? 0) - this.time.now())
  }

  /** Damages a partition's log for those who read it as consumers, until it is mended. */
  damage(topic: string, partition: number, damage: LogDamage): void {
    this.damages.set(`${topic}/${partition}`, damage)
  }

  isDamaged(): boolean {
    return this.damages.size > 0
  }

  mend(): void {
    this.damages.clear()
  }

  topicId(topic: string): Buffer {
    const isNew = [...this.damages].some(
      ([name, { kind }]) => kind === "recreated" && name.slice(0, name.lastIndexOf("/")) === topic,
    )
    return isNew && this.mutations.damageUntold !== true ? topicIdOf(`${topic}!`) : topicIdOf(topic)
  }

  /** A partition as consumers have it, with what is damaged. */
  served(topic: string, partition: number) {
    const damage = this.damages.get(`${topic}/${partition}`)
    const isTold = this.mutations.damageUntold !== true
    const stable = this.mutations.uncommittedRead
      ? this.partition(topic, partition).length
      : this.stableEnd(topic, partition)
    const earliest = damage?.kind === "retained" ? damage.offset : 0
    const end = damage?.kind === "truncated" && isTold ? Math.min(damage.offset, stable) : stable
    return {
      /** Where reading ends; and where it must begin at least, or be refused. */
      end,
      readable: isTold ? earliest : 0,
      bounds: () => (isTold ? { earliest, end } : { earliest: 0, end: stable }),
      read: (from: number, max: number): { messages: Delivered[]; next: number } => {
        const { messages, next } = this.read(
          topic,
          partition,
          Math.max(from, earliest),
          max,
          this.mutations.uncommittedRead,
        )
        if (damage?.kind === "truncated" && isTold)
          return { messages: messages.filter(({ offset }) => offset < end), next: Math.min(next, end) }
        if (damage?.kind !== "recreated") return { messages, next }
        // The topic of the same name has other messages at these offsets.
        const other = (entry: Entry): Entry => ({ ...entry, value: Buffer.from(`{"another":"topic"}`) })
        return { messages: messages.map((one) => ({ ...one, entry: other(one.entry) })), next }
      },
    }
  }

  /** Resolves when there is something new to read. */
  news(): Promise<void> {
    return new Promise((resolve) => {
      const listener = (): void => {
        this.listeners.delete(listener)
        resolve()
      }
      this.listeners.add(listener)
    })
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener()
  }
}
