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
  readonly at_ms: number
  readonly transaction: TransactionPart | null
}

/**
 * What a Kafka transaction has in one partition: it holds back what lies behind it until the partition was told how it
 * ended, which each is at its own time after the commit was answered.
 */
export interface TransactionPart {
  state: "open" | "committed" | "aborted"
}

/** The parts of an open transaction, by partition. */
type Transaction = Map<Entry[], TransactionPart>

/** A message that readers see. */
export interface Delivered {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly entry: Entry
}

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
  private readonly settled_ms = new Map<string, number>()
  private readonly time: VirtualTime
  private readonly random: Random
  private readonly listeners = new Set<() => void>()
  /** Whether the brokers answer. */
  up = true

  /** On, who held a transactional id before goes on publishing: a mutation that the invariants must find. */
  private readonly unfenced: boolean

  constructor(time: VirtualTime, random: Random, unfenced = false) {
    this.time = time
    this.random = random
    this.unfenced = unfenced
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
    const open = log.findIndex(({ transaction }) => transaction?.state === "open")
    return open < 0 ? log.length : open
  }

  /** Committed messages from an offset on, at most `max`, and where reading goes on. */
  read(topic: string, partition: number, from: number, max: number): { messages: Delivered[]; next: number } {
    const log = this.partition(topic, partition)
    const messages: Delivered[] = []
    let offset = from
    for (; offset < log.length && messages.length < max; offset++) {
      const entry = log[offset] as Entry
      if (entry.transaction?.state === "open") break
      if (entry.kind === "message" && entry.transaction?.state !== "aborted")
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
    return !this.unfenced && this.epochs.get(id) !== epoch
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
  append(id: string, { topic, key, value }: OutgoingMessage): void {
    const transaction: Transaction = this.open.get(id) ?? new Map()
    this.open.set(id, transaction)
    const log = this.partition(topic, partitionOf(key))
    const part = transaction.get(log) ?? { state: "open" }
    transaction.set(log, part)
    log.push({
      kind: "message",
      key: Buffer.from(key),
      value: Buffer.from(value),
      at_ms: this.time.now(),
      transaction: part,
    })
  }

  /** Writes without a transaction: what others produce, also bytes that are no record. */
  write(topic: string, key: string, value: Buffer): void {
    const log = this.partition(topic, partitionOf(key))
    log.push({ kind: "message", key: Buffer.from(key), value, at_ms: this.time.now(), transaction: null })
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
        log.push({ kind: "marker", key: nothing, value: nothing, at_ms, transaction: null })
        this.tell()
      })
    }
  }

  /** How long it takes until every partition knows how the transactions of that id ended. */
  settling_ms(id: string): number {
    return Math.max(0, (this.settled_ms.get(id) ?? 0) - this.time.now())
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
