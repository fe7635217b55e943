import { recordDecoder } from "@landfall/domain/codec"
import { topicByName } from "@landfall/domain/registry"
import { type Checkpoint, partitionName } from "../history/checkpoint.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { leafHash } from "../transparency-log/leaf.ts"
import { type ActKind, actLeaf } from "./act-leaf.ts"
import { placeName } from "./place.ts"

interface Row {
  readonly act_number: string
  readonly topic: string
  readonly topic_partition: number
  readonly kafka_offset: string
  readonly act: ActKind
  readonly event_id: string | null
  readonly acted_by: string
  readonly act_reason: string
  readonly outcome: string
  readonly database_login: string
  readonly acted_at_ms: string
  readonly act_leaf: Buffer
  readonly leader_epoch: number | null
  readonly kafka_timestamp_ms: string
  readonly message_key: Buffer | null
  readonly message_headers: Buffer | null
  readonly message_value: Buffer | null
  readonly letter_leaf: Buffer
}

/** Acts read at once: each brings the bytes of its letter. */
const pageRows = 200

/**
 * Holds every act on dead letters against its leaf hash, and the letter that it is about against the letter's: changed,
 * taken away or put in, either is told. Returns how many acts there are.
 */
export const verifyActs = async (
  transaction: Transaction,
  checkpoints: ReadonlyArray<Checkpoint>,
  report: (line: string) => void,
): Promise<number> => {
  const topicIds = new Map(checkpoints.map((checkpoint) => [partitionName(checkpoint), checkpoint.topicId]))
  let count = 0
  for await (const row of readActs(transaction)) {
    count++
    const name = `dead_letter_acts ${row.act_number}`
    if (Number(row.act_number) !== count) {
      report(`dead_letter_acts: act ${count} is missing, the next is ${row.act_number}`)
      count = Number(row.act_number)
    }
    const place = { topic: row.topic, partition: row.topic_partition, offset: Number(row.kafka_offset) }
    if (row.leader_epoch === null) {
      report(`${name}: there is no dead letter at ${placeName(place)}`)
      continue
    }
    const topicId = topicIds.get(partitionName(place))
    if (topicId === undefined || !letterLeaf(row, topicId).equals(row.letter_leaf))
      report(`dead_letters ${placeName(place)}: the row does not fit its leaf hash`)
    const act = {
      ...{ number: Number(row.act_number), place, act: row.act, eventId: row.event_id },
      ...{ actedBy: row.acted_by, reason: row.act_reason, outcome: row.outcome },
      ...{ databaseLogin: row.database_login, actedAtMs: Number(row.acted_at_ms) },
    }
    if (!actLeaf(act, row.letter_leaf).equals(row.act_leaf))
      report(`${name}: the row, or the letter at ${placeName(place)}, does not fit its leaf hash`)
    if (row.act === "retried" && eventIdOf(row) !== row.event_id)
      report(`${name}: the letter at ${placeName(place)} is not the event ${row.event_id}`)
  }
  return count
}

const letterLeaf = (row: Row, topicId: Buffer): Buffer =>
  leafHash({
    topicId,
    partition: row.topic_partition,
    offset: Number(row.kafka_offset),
    leaderEpoch: row.leader_epoch ?? -1,
    timestampMs: Number(row.kafka_timestamp_ms),
    key: row.message_key,
    headers: row.message_headers,
    value: row.message_value,
  })

const eventIdOf = (row: Row): string | null => {
  const topic = topicByName(row.topic)
  const decoded = topic === undefined ? null : recordDecoder(topic)(row.message_value)
  if (topic === undefined || decoded?.ok !== true) return null
  return (decoded.record as { readonly [field: string]: string })[topic.id] ?? null
}

async function* readActs(transaction: Transaction): AsyncGenerator<Row> {
  let after = 0
  for (;;) {
    const rows = await transaction.query<Row>(
      `select act.act_number, topic, topic_partition, kafka_offset, act.act, act.event_id::text, act.acted_by,
         act.reason as act_reason, act.outcome, act.database_login, act.leaf_hash as act_leaf,
         (extract(epoch from act.acted_at) * 1000)::bigint::text as acted_at_ms,
         letter.leader_epoch, letter.kafka_timestamp_ms, letter.message_key, letter.message_headers,
         letter.message_value, letter.leaf_hash as letter_leaf
       from dead_letter_acts as act left join dead_letters as letter using (topic, topic_partition, kafka_offset)
       where act.act_number > $1 order by act.act_number limit $2`,
      [after, pageRows],
    )
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return
    after = Number(last.act_number)
  }
}
