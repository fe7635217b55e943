import { BinaryRows } from "../postgres/binary-copy.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { partitionName } from "./checkpoint.ts"
import type { ReadMessage } from "./read-message.ts"

/** The messages of a batch that are no evidence: dead letters and duplicates, which explain the gaps. */
export class SetAside {
  private readonly letters = new BinaryRows(1 << 12)
  private readonly repeats = new BinaryRows(1 << 12)
  private readonly counts = new Map<string, { duplicates: number; deadLetters: number }>()
  private readonly now_ms: number

  constructor(now_ms: number) {
    this.now_ms = now_ms
  }

  get deadLetterCount(): number {
    return this.letters.rows
  }

  get duplicateCount(): number {
    return this.repeats.rows
  }

  deadLettersOf(name: string): number {
    return this.counts.get(name)?.deadLetters ?? 0
  }

  duplicatesOf(name: string): number {
    return this.counts.get(name)?.duplicates ?? 0
  }

  deadLetter(message: ReadMessage, reason: string): void {
    this.count(message).deadLetters++
    this.place(this.letters, message, 11)
    this.letters.value("integer", message.leaderEpoch)
    this.letters.int64(message.timestampMs)
    this.letters.bytes(message.key)
    this.letters.bytes(message.headers)
    this.letters.bytes(message.value)
    this.letters.text(reason.replaceAll("\0", "\\0"))
    this.letters.timestampMs(this.now_ms)
    this.letters.bytes(message.leafHash)
  }

  duplicate(message: ReadMessage, eventId: string): void {
    this.count(message).duplicates++
    this.place(this.repeats, message, 5)
    this.repeats.uuid(eventId)
    this.repeats.timestampMs(this.now_ms)
  }

  async write(transaction: Transaction): Promise<void> {
    const copy = (table: string, columns: string, rows: BinaryRows): Promise<void> =>
      transaction.copyIn(
        `copy ${table} (topic, topic_partition, kafka_offset, ${columns}) from stdin (format binary)`,
        rows.chunks(),
      )
    if (this.deadLetterCount > 0)
      await copy(
        "dead_letters",
        "leader_epoch, kafka_timestamp_ms, message_key, message_headers, message_value, reason, ingested_at, leaf_hash",
        this.letters,
      )
    if (this.duplicateCount > 0) await copy("duplicate_deliveries", "event_id, ingested_at", this.repeats)
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
