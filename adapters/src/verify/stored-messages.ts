import type { AnyTopic } from "@landfall/domain/registry"
import type { AnyProjection } from "@landfall/projections/registry"
import type { SqlRow } from "@landfall/projections/row-codec"
import { topicIdAt } from "../history/generations.ts"
import { readableColumns } from "../history/snapshot-table.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { leafHash } from "../transparency-log/leaf.ts"
import { inStep } from "./in-step.ts"

/** A message that is recorded with its bytes: as evidence, or as a dead letter. */
export interface StoredMessage {
  readonly kind: "evidence" | "dead_letter"
  readonly offset: number
  /** The id under which it counts as an event; null for a letter that was not retried. */
  readonly eventId: string | null
  readonly value: Buffer | null
  /** The leaf hash as it is stored, and as the stored message makes it. */
  readonly storedLeaf: Buffer
  readonly leaf: Buffer
  /** The typed columns of an evidence row; empty for a letter. */
  readonly columns: SqlRow
}

/** A message that repeats an event which is kept already; its bytes are that event's. */
export interface StoredDuplicate {
  readonly kind: "duplicate"
  readonly offset: number
  readonly eventId: string
}

/** Everything that is recorded of a partition, whatever became of it. */
export type Stored = StoredMessage | StoredDuplicate

/** Rows read at once: a bound on memory, whatever the tables hold. Letters may be as long as a message each. */
const pageRows = { evidence: 5_000, dead_letter: 200, duplicate: 5_000 } as const

interface MessageRow extends SqlRow {
  readonly kafka_offset: string
  readonly event_id: string | null
  readonly leader_epoch: number
  readonly kafka_timestamp_ms: string
  readonly message_key: Buffer | null
  readonly message_headers: Buffer | null
  /** Of an evidence row. */
  readonly payload?: string
  /** Of a letter. */
  readonly message_value?: Buffer | null
  readonly leaf_hash: Buffer
}

const messageColumns =
  "kafka_offset, leader_epoch, kafka_timestamp_ms, message_key, message_headers, leaf_hash"

/** The three tables of a partition in step, so that each offset is seen once and what is between them is a gap. */
export async function* storedMessages(
  transaction: Transaction,
  topic: AnyTopic,
  at: { readonly partition: number; readonly topicId: Buffer },
): AsyncGenerator<ReadonlyArray<Stored>> {
  const idAt = await topicIdAt(transaction, { ...at, topic: topic.name })
  const columns = readableColumns(topic as unknown as AnyProjection)
  const message =
    (kind: StoredMessage["kind"]) =>
    (row: MessageRow): StoredMessage => {
      const offset = Number(row.kafka_offset)
      const value = row.payload === undefined ? (row.message_value ?? null) : Buffer.from(row.payload, "utf8")
      const leaf = leafHash({
        topicId: idAt(offset),
        partition: at.partition,
        offset,
        leaderEpoch: row.leader_epoch,
        timestampMs: Number(row.kafka_timestamp_ms),
        key: row.message_key,
        headers: row.message_headers,
        value,
      })
      const { event_id: eventId, leaf_hash: storedLeaf } = row
      return { kind, offset, eventId, value, storedLeaf, leaf, columns: row }
    }
  yield* inStep<Stored>([
    pages(pageRows.evidence, message("evidence"), (after) =>
      transaction.query<MessageRow>(
        `select ${messageColumns}, event_id::text, payload, ${columns}
         from ${topic.evidenceTable} where topic_partition = $1 and kafka_offset > $2 order by kafka_offset limit $3`,
        [at.partition, after, pageRows.evidence],
      ),
    ),
    pages(pageRows.dead_letter, message("dead_letter"), (after) =>
      transaction.query<MessageRow>(
        `select ${messageColumns}, message_value,
           (select act.event_id::text from dead_letter_acts as act where act.act = 'retried' and act.topic = letter.topic
              and act.topic_partition = letter.topic_partition and act.kafka_offset = letter.kafka_offset) as event_id
         from dead_letters as letter where topic = $1 and topic_partition = $2 and kafka_offset > $3
         order by kafka_offset limit $4`,
        [topic.name, at.partition, after, pageRows.dead_letter],
      ),
    ),
    pages(
      pageRows.duplicate,
      (row: { kafka_offset: string; event_id: string }): Stored => ({
        kind: "duplicate",
        offset: Number(row.kafka_offset),
        eventId: row.event_id,
      }),
      (after) =>
        transaction.query(
          `select kafka_offset, event_id::text from duplicate_deliveries
           where topic = $1 and topic_partition = $2 and kafka_offset > $3 order by kafka_offset limit $4`,
          [topic.name, at.partition, after, pageRows.duplicate],
        ),
    ),
  ])
}

/** Pages of a table in offset order; PostgreSQL reads the next one while this one is worked on. */
async function* pages<Row, Item extends { readonly offset: number }>(
  rowsMax: number,
  item: (row: Row) => Item,
  read: (after: number) => Promise<ReadonlyArray<Row>>,
): AsyncGenerator<ReadonlyArray<Item>> {
  let coming: Promise<ReadonlyArray<Row>> | null = read(-1)
  while (coming !== null) {
    const rows: ReadonlyArray<Item> = (await coming).map(item)
    const last = rows.at(-1)
    coming = last === undefined || rows.length < rowsMax ? null : read(last.offset)
    if (rows.length > 0) yield rows
  }
}
