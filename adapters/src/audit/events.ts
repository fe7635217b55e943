import { recordDecoder, toJson } from "@landfall/domain/codec"
import type { Columns } from "@landfall/domain/column"
import type { AnyTopic } from "@landfall/domain/registry"
import type { SqlRow } from "@landfall/projections/row-codec"
import { limits } from "../config/limits.ts"
import type { Parameter, Transaction } from "../postgres/transaction.ts"
import type { AsOf } from "./as-of.ts"
import { type Condition, meets, sqlCondition, whereAll } from "./conditions.ts"

/** An event of the record: its place in Kafka, its times, the exact text of its message and its leaf in the Merkle log. */
export type EventEntry = {
  readonly topic: string
  readonly topic_partition: number
  readonly kafka_offset: number
  readonly event_id: string
  /** When Kafka had it; null when Kafka does not say. */
  readonly kafka_at: string | null
  readonly ingested_at: string
  /** Whether it came as a dead letter and counts as an event since it was retried. */
  readonly retried: boolean
  readonly leaf_hash: string
  readonly payload: string
}

/** The columns of an {@link EventEntry}, of an evidence table or of `retried_letters`. */
export const entryColumns = `topic_partition, kafka_offset, event_id::text as event_id, payload,
  encode(leaf_hash, 'hex') as leaf_hash, to_char(ingested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ingested_at,
  case when kafka_timestamp_ms >= 0 then to_char(to_timestamp(kafka_timestamp_ms / 1000.0) at time zone 'utc',
    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end as kafka_at`

type EntryRow = Omit<EventEntry, "topic" | "retried" | "kafka_offset"> & { readonly kafka_offset: string }

/** An entry of a row that has {@link entryColumns}. */
export const entryOf = (topic: AnyTopic, row: EntryRow, retried: boolean): EventEntry => ({
  topic: topic.name,
  topic_partition: row.topic_partition,
  kafka_offset: Number(row.kafka_offset),
  event_id: row.event_id,
  kafka_at: row.kafka_at,
  ingested_at: row.ingested_at,
  retried,
  leaf_hash: row.leaf_hash,
  payload: row.payload,
})

/** A place in the logs of a topic. */
export interface Place {
  readonly partition: number
  readonly offset: number
}

/** Which events of a topic are asked for. */
export interface EventsQuery {
  readonly conditions: ReadonlyArray<Condition>
  readonly after: Place | null
  readonly asOf: AsOf | null
}

/** The columns that events are narrowed down by: those of the topic, and when the event was written here. */
export const eventColumns = (topic: AnyTopic): Columns<never> => ({
  ...(topic.columns as Columns<never>),
  ingested_at: { type: "timestamptz", of: () => null },
})

/** Events in the order of their logs, a page at a time; a page may be empty, though there are more. */
export async function* readEvents(
  transaction: Transaction,
  topic: AnyTopic,
  { conditions, after, asOf }: EventsQuery,
  pageRows: number,
): AsyncGenerator<ReadonlyArray<EventEntry>> {
  const counts = counter(topic, asOf)
  const letters = await retriedEntries(transaction, topic, conditions, after)
  let nextLetter = 0
  const lettersUpTo = (last: EventEntry | null): ReadonlyArray<EventEntry> => {
    const from = nextLetter
    while (nextLetter < letters.length && (last === null || isBefore(letters[nextLetter], last))) nextLetter++
    return letters.slice(from, nextLetter)
  }
  for (let last = after; ; ) {
    const parameters: Parameter[] = []
    const wanted = conditions.map((condition) => sqlCondition(condition, parameters))
    if (asOf?.basis === "ingest")
      wanted.push(`ingested_at <= $${parameters.push(asOf.at)}::text::timestamptz`)
    if (last !== null)
      wanted.push(
        `(topic_partition, kafka_offset) > ($${parameters.push(last.partition)}::integer, $${parameters.push(last.offset)}::bigint)`,
      )
    const rows = await transaction.query<EntryRow & { readonly found: number }>(
      pageStatement(topic, wanted, pageRows),
      parameters,
    )
    const page = rows.map((row) => entryOf(topic, row, false))
    const isLast = rows.length < pageRows && rows.length === (rows[0]?.found ?? 0)
    const end = isLast ? null : (page.at(-1) ?? null)
    yield [...page, ...lettersUpTo(end)].sort(byPlace).filter(counts)
    if (end === null) return
    last = { partition: end.topic_partition, offset: end.kafka_offset }
  }
}

/**
 * Rows of a page, with how many there are without the bound in bytes. A message may have a megabyte, and a page hundreds of
 * them: it ends after the one that fills it.
 */
const pageStatement = (topic: AnyTopic, wanted: ReadonlyArray<string>, pageRows: number): string => `
  select * from (
    select *, sum(bytes) over (order by topic_partition, kafka_offset) - bytes as before, count(*) over ()::integer as found
    from (
      select ${entryColumns}, octet_length(payload) as bytes from ${topic.evidenceTable} ${whereAll(wanted)}
      order by topic_partition, kafka_offset limit ${pageRows}
    ) as counted
  ) as measured
  where before < ${limits.audit.page_bytes_max} order by topic_partition, kafka_offset`

/** A page of events: at most so many in the order of their logs, and fewer when they are long. */
export const listEvents = async (
  transaction: Transaction,
  topic: AnyTopic,
  query: EventsQuery,
  limit: number,
): Promise<{ readonly events: ReadonlyArray<EventEntry>; readonly more: boolean }> => {
  const events: EventEntry[] = []
  let bytes = 0
  for await (const page of readEvents(transaction, topic, query, limit + 1)) {
    for (const event of page) {
      if (events.length === limit || bytes >= limits.audit.page_bytes_max) return { events, more: true }
      events.push(event)
      bytes += Buffer.byteLength(event.payload)
    }
  }
  return { events, more: false }
}

const byPlace = (left: EventEntry, right: EventEntry): number =>
  left.topic_partition - right.topic_partition || left.kafka_offset - right.kafka_offset

const isBefore = (left: EventEntry | undefined, right: EventEntry): boolean =>
  left !== undefined && byPlace(left, right) < 0

/** Whether an entry counts as of the instant; by event time only the record itself can tell. */
const counter = (topic: AnyTopic, asOf: AsOf | null): ((entry: EventEntry) => boolean) => {
  if (asOf === null) return () => true
  if (asOf.basis === "ingest") return ({ ingested_at }) => ingested_at <= asOf.at
  const decode = recordDecoder(topic)
  return ({ payload }) => {
    const decoded = decode(Buffer.from(payload, "utf8"))
    return decoded.ok && topic.occurredAt(decoded.record) <= asOf.at
  }
}

/** The retried letters of a topic that meet the conditions: they have no columns, so their records are asked. */
const retriedEntries = async (
  transaction: Transaction,
  topic: AnyTopic,
  conditions: ReadonlyArray<Condition>,
  after: Place | null,
): Promise<ReadonlyArray<EventEntry>> => {
  const rows = await transaction.query<EntryRow>(
    `select ${entryColumns} from retried_letters
     where topic = $1 and (topic_partition, kafka_offset) > ($2::integer, $3::bigint) order by topic_partition, kafka_offset`,
    [topic.name, after?.partition ?? -1, after?.offset ?? 0],
  )
  if (rows.length === 0) return []
  const decode = recordDecoder(topic)
  return rows
    .map((row) => entryOf(topic, row, true))
    .filter((entry) => {
      const decoded = decode(Buffer.from(entry.payload, "utf8"))
      if (!decoded.ok) return false
      const columns = { ...columnsOf(topic, decoded.record), ingested_at: entry.ingested_at }
      return conditions.every((condition) => meets(condition, columns))
    })
}

/** A record's columns as its evidence row would have them. */
const columnsOf = (topic: AnyTopic, record: unknown): SqlRow =>
  JSON.parse(
    toJson(Object.fromEntries(Object.entries(topic.columns).map(([name, { of }]) => [name, of(record)]))),
  ) as SqlRow
