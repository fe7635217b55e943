import { type BinaryRows, pieces } from "../postgres/binary-copy.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { partitionName } from "./checkpoint.ts"
import type { ReadMessage } from "./read-message.ts"

/** A message that is no event, and why. */
interface Letter {
  readonly message: ReadMessage
  readonly reason: string
}

/** A message that was delivered before. */
interface Repeat {
  readonly message: ReadMessage
  readonly eventId: string
}

/** The messages of a batch that are no evidence: dead letters and duplicates, which explain the gaps. */
export class SetAside {
  readonly letters: Letter[] = []
  readonly repeats: Repeat[] = []
  private readonly counts = new Map<string, { duplicates: number; deadLetters: number }>()
  private readonly now_ms: number

  constructor(now_ms: number) {
    this.now_ms = now_ms
  }

  get deadLetterCount(): number {
    return this.letters.length
  }

  get duplicateCount(): number {
    return this.repeats.length
  }

  deadLettersOf(name: string): number {
    return this.counts.get(name)?.deadLetters ?? 0
  }

  duplicatesOf(name: string): number {
    return this.counts.get(name)?.duplicates ?? 0
  }

  deadLetter(message: ReadMessage, reason: string): void {
    this.count(message).deadLetters++
    this.letters.push({ message, reason })
  }

  duplicate(message: ReadMessage, eventId: string): void {
    this.count(message).duplicates++
    this.repeats.push({ message, eventId })
  }

  async write(transaction: Transaction): Promise<void> {
    const copy = <Row>(
      table: string,
      columns: string,
      aside: ReadonlyArray<Row>,
      add: (rows: BinaryRows, row: Row) => void,
    ): Promise<void> =>
      transaction.copyIn(
        `copy ${table} (topic, topic_partition, kafka_offset, ${columns}) from stdin (format binary)`,
        pieces(aside, add),
      )
    if (this.letters.length > 0)
      await copy(
        "dead_letters",
        "leader_epoch, kafka_timestamp_ms, message_key, message_headers, message_value, reason, ingested_at, leaf_hash",
        this.letters,
        (rows, letter) => this.addLetter(rows, letter),
      )
    if (this.repeats.length > 0)
      await copy("duplicate_deliveries", "event_id, ingested_at", this.repeats, (rows, repeat) =>
        this.addRepeat(rows, repeat),
      )
  }

  private addLetter(rows: BinaryRows, { message, reason }: Letter): void {
    this.place(rows, message, 11)
    rows.value("integer", message.leaderEpoch)
    rows.int64(message.timestampMs)
    rows.bytes(message.key)
    rows.bytes(message.headers)
    rows.bytes(message.value)
    rows.text(reason.replaceAll("\0", "\\0"))
    rows.timestampMs(this.now_ms)
    rows.bytes(message.leafHash)
  }

  private addRepeat(rows: BinaryRows, { message, eventId }: Repeat): void {
    this.place(rows, message, 5)
    rows.uuid(eventId)
    rows.timestampMs(this.now_ms)
  }

  private place(rows: BinaryRows, message: ReadMessage, columns: number): void {
    rows.begin(columns)
    rows.text(message.topic.name)
    rows.value("integer", message.partition)
    rows.int64(message.offset)
  }

  private count(message: ReadMessage): { duplicates: number; deadLetters: number } {
    const name = partitionName({ topic: message.topic.name, partition: message.partition })
    const counted = this.counts.get(name) ?? { duplicates: 0, deadLetters: 0 }
    this.counts.set(name, counted)
    return counted
  }
}
