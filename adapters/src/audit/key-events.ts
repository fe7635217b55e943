import type { AnyTopic } from "@landfall/domain/registry"
import type { AnyProjection } from "@landfall/projections/registry"
import { rowEncoder } from "@landfall/projections/row-codec"
import {
  type EvidenceEvent,
  type EvidenceRow,
  eventColumns,
  eventReader,
} from "../history/evidence-source.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Parameter, Transaction } from "../postgres/transaction.ts"
import type { AsOf } from "./as-of.ts"

/** A key and the row that the live snapshot has of it, which tells where its events are. */
export interface Keyed {
  readonly key: string
  readonly row: unknown
}

/** How a key's events are read. */
export interface KeyEventsOptions {
  /** Also finds events whose ids do not follow from the row, which none of our publishers writes. */
  readonly thorough?: boolean
  /** Leaves out what the server can tell not to count as of that instant; the reader holds the rest against it. */
  readonly asOf?: AsOf | null
}

/** Rows fetched at once: a bound on memory, however long the history of a key. */
const pageRows = 2_000

interface Row extends EvidenceRow {
  readonly topic_partition: number
}

/** The columns of {@link Row}. */
const columns = `topic_partition, ${eventColumns}`

/**
 * The events of some keys of a projection and of no other, in the order in which they are folded: by partition, then by
 * offset. They are found through an index; what other keys have is not read.
 */
export async function* readKeyEvents(
  transaction: Transaction,
  projection: AnyProjection,
  keys: ReadonlyArray<Keyed>,
  { thorough = false, asOf = null }: KeyEventsOptions = {},
): AsyncGenerator<ReadonlyArray<EvidenceEvent>> {
  if (keys.length === 0) return
  const read = eventReader(projection.topic)
  const wanted = new Set(keys.map(({ key }) => key))
  const isWanted = ({ decoded }: EvidenceEvent): boolean =>
    decoded.ok && wanted.has(projection.key(decoded.record))
  const letters: EvidenceEvent[] = []
  for await (const event of retriedEvents(transaction, projection.topic))
    if (isWanted(event)) letters.push(event)
  const { condition, parameters: found } =
    (thorough ? null : await byIds(transaction, projection, keys, letters)) ?? byColumns(projection, keys)
  const parameters = [...found]
  const known =
    asOf?.basis === "ingest" ? ` and ingested_at <= $${parameters.push(asOf.at)}::text::timestamptz` : ""
  let nextLetter = 0
  const lettersBefore = (event: EvidenceEvent | null): ReadonlyArray<EvidenceEvent> => {
    const from = nextLetter
    while (nextLetter < letters.length && (event === null || isBefore(letters[nextLetter], event)))
      nextLetter++
    return letters.slice(from, nextLetter)
  }
  for await (const page of fetched(
    transaction,
    `select ${columns} from ${projection.topic.evidenceTable} where ${condition}${known} order by topic_partition, kafka_offset`,
    parameters,
  ))
    yield page
      .map((row) => read(row.topic_partition, row, false))
      .filter(isWanted)
      .flatMap((event) => [...lettersBefore(event), event])
  if (nextLetter < letters.length) yield lettersBefore(null)
}

const isBefore = (left: EvidenceEvent | undefined, right: EvidenceEvent): boolean =>
  left !== undefined &&
  (left.partition < right.partition || (left.partition === right.partition && left.offset < right.offset))

/** Letters read at once: each may be as long as a message. */
const letterRows = 200

/** The dead letters of a topic that count as events, by partition and offset. There are few, or none. */
export async function* retriedEvents(
  transaction: Transaction,
  topic: AnyTopic,
): AsyncGenerator<EvidenceEvent> {
  const read = eventReader(topic)
  let [partition, offset] = [-1, "0"]
  for (;;) {
    const rows = await transaction.query<Row>(
      `select ${columns} from retried_letters
       where topic = $1 and (topic_partition, kafka_offset) > ($2::integer, $3::bigint)
       order by topic_partition, kafka_offset limit ${letterRows}`,
      [topic.name, partition, offset],
    )
    for (const row of rows) yield read(row.topic_partition, row, true)
    const last = rows.at(-1)
    if (last === undefined || rows.length < letterRows) return
    partition = last.topic_partition
    offset = last.kafka_offset
  }
}

interface Choice {
  readonly condition: string
  readonly parameters: ReadonlyArray<Parameter>
}

/** By the ids that follow from the rows; null where they do not, or where one of them is not there. */
const byIds = async (
  transaction: Transaction,
  { eventIds, topic }: AnyProjection,
  keys: ReadonlyArray<Keyed>,
  letters: ReadonlyArray<EvidenceEvent>,
): Promise<Choice | null> => {
  if (eventIds === undefined) return null
  const ids: string[] = []
  for (const { row } of keys) {
    const own = eventIds(row)
    if (own === null) return null
    for (const id of own) ids.push(id)
  }
  const parameters = [arrayLiteral(ids)]
  const condition = "event_id = any($1::text::uuid[])"
  const [found] = await transaction.query<{ count: number }>(
    `select count(*)::integer as count from ${topic.evidenceTable} where ${condition}`,
    parameters,
  )
  const known = new Set(ids)
  const retried = letters.filter(({ eventId }) => known.has(eventId)).length
  return (found?.count ?? 0) + retried === ids.length ? { condition, parameters } : null
}

const byColumns = (projection: AnyProjection, keys: ReadonlyArray<Keyed>): Choice => {
  const { keyColumns } = projection
  const encode = rowEncoder(projection)
  const rows = keys.map(({ row }) => encode(row))
  const type = (column: string): string => projection.columns[column]?.type ?? "text"
  const [only] = rows
  if (rows.length === 1 && only !== undefined)
    return {
      condition: keyColumns
        .map((column, index) => `${column} = $${index + 1}::text::${type(column)}`)
        .join(" and "),
      parameters: keyColumns.map((column) => String(only[column])),
    }
  return {
    condition: `(${keyColumns.join(", ")}) in (select * from unnest(${keyColumns
      .map((column, index) => `$${index + 1}::text::${type(column)}[]`)
      .join(", ")}))`,
    parameters: keyColumns.map((column) => arrayLiteral(rows.map((row) => String(row[column])))),
  }
}

/** The rows of a statement, a page at a time: it is run once, however many pages there are. */
async function* fetched(
  transaction: Transaction,
  statement: string,
  parameters: ReadonlyArray<Parameter>,
): AsyncGenerator<ReadonlyArray<Row>> {
  await transaction.query(`declare key_events no scroll cursor for ${statement}`, parameters)
  try {
    for (;;) {
      const rows = await transaction.query<Row>(`fetch ${pageRows} from key_events`)
      if (rows.length > 0) yield rows
      if (rows.length < pageRows) return
    }
  } finally {
    await transaction.query("close key_events")
  }
}
