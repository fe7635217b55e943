import { snapshotTable } from "@landfall/projections/projection"
import type { AnyProjection } from "@landfall/projections/registry"
import { rowDecoder, rowEncoder, type SqlRow } from "@landfall/projections/row-codec"
import { readableColumns, type StoredRow } from "../history/snapshot-table.ts"
import { readStandings } from "../history/snapshot-versions.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Parameter, Transaction } from "../postgres/transaction.ts"
import type { AsOf } from "./as-of.ts"
import { type Condition, meets, sqlCondition, whereAll } from "./conditions.ts"
import { retriedEvents } from "./key-events.ts"
import { foldKeys } from "./past-rows.ts"

/** A row of a projection, with its key and the event that changed it last. */
export interface FoundRow extends StoredRow {
  readonly key: string
}

/** Which rows of a projection are asked for. */
export interface RowsQuery {
  readonly conditions: ReadonlyArray<Condition>
  /** The key that the rows come after; from the first when null. */
  readonly after: string | null
  /** The instant that is asked about; what is live now when null. */
  readonly asOf: AsOf | null
}

/** Rows by key, a page at a time; a page of the past may be empty, though there are more. */
export const readRows = (
  transaction: Transaction,
  projection: AnyProjection,
  query: RowsQuery,
  pageRows: number,
): AsyncGenerator<ReadonlyArray<FoundRow>> =>
  query.asOf === null
    ? liveRows(transaction, projection, query, pageRows)
    : pastRows(transaction, projection, query, query.asOf)

/** At most so many rows by key. */
export const listRows = async (
  transaction: Transaction,
  projection: AnyProjection,
  query: RowsQuery,
  limit: number,
): Promise<ReadonlyArray<FoundRow>> => {
  const rows: FoundRow[] = []
  for await (const page of readRows(transaction, projection, query, limit)) {
    rows.push(...page)
    if (rows.length >= limit) break
  }
  return rows.slice(0, limit)
}

/** The row of one key; null when there is, or then was, none. */
export const findRow = async (
  transaction: Transaction,
  projection: AnyProjection,
  key: string,
  asOf: AsOf | null,
): Promise<FoundRow | null> => {
  const [live] = await select(transaction, projection, ["row_key = $1"], [key], 1)
  if (live === undefined || asOf === null) return live ?? null
  const then = (await foldKeys(transaction, projection, [live], asOf)).get(key)
  return then === undefined ? null : { key, ...then }
}

interface Row {
  readonly row_key: string
  readonly topic_partition: number
  readonly kafka_offset: string
}

const select = async (
  transaction: Transaction,
  projection: AnyProjection,
  conditions: ReadonlyArray<string>,
  parameters: ReadonlyArray<Parameter>,
  limit: number,
): Promise<ReadonlyArray<FoundRow>> => {
  const decode = rowDecoder(projection)
  const rows = await transaction.query<Row>(
    `select row_key, topic_partition, kafka_offset, ${readableColumns(projection)} from ${snapshotTable(projection)}
     ${whereAll(conditions)} order by row_key limit ${limit}`,
    parameters,
  )
  const found = (read: (row: Row) => unknown): ReadonlyArray<FoundRow> =>
    rows.map((row) => ({
      key: row.row_key,
      row: read(row),
      partition: row.topic_partition,
      offset: Number(row.kafka_offset),
    }))
  try {
    return found((row) => decode(row as never))
  } catch (error) {
    // Rows of an older version that are still read while they are made again: today's schema need not take them.
    const standing = (await readStandings(transaction)).get(projection.name)
    if (standing === undefined || standing.frozenAtMs === null) throw error
    return found((row) => columnsOf(projection, row as never))
  }
}

/** A row as its table has it. */
const columnsOf = (projection: AnyProjection, row: SqlRow): SqlRow =>
  Object.fromEntries(
    Object.keys(projection.columns).flatMap((name) => (row[name] === null ? [] : [[name, row[name]]])),
  )

async function* liveRows(
  transaction: Transaction,
  projection: AnyProjection,
  { conditions, after }: RowsQuery,
  pageRows: number,
): AsyncGenerator<ReadonlyArray<FoundRow>> {
  for (let last = after; ; ) {
    const parameters: Parameter[] = []
    const wanted = conditions.map((condition) => sqlCondition(condition, parameters))
    if (last !== null) wanted.push(`row_key > $${parameters.push(last)}`)
    const rows = await select(transaction, projection, wanted, parameters, pageRows)
    yield rows
    if (rows.length < pageRows) return
    last = rows.at(-1)?.key ?? null
  }
}

/** Keys whose histories are folded together: a bound on memory. */
const keysAtOnce = 200

/**
 * Every key that ever had a row has one now, so the live snapshot tells the keys, and the evidence what they were.
 * Conditions are held against the rows of the past; what they say of the keys themselves, or of values that events have,
 * narrows down the keys before.
 */
async function* pastRows(
  transaction: Transaction,
  projection: AnyProjection,
  { conditions, after }: RowsQuery,
  asOf: AsOf,
): AsyncGenerator<ReadonlyArray<FoundRow>> {
  const encode = rowEncoder(projection)
  const letters = new Set<string>()
  for await (const { decoded } of retriedEvents(transaction, projection.topic))
    if (decoded.ok) letters.add(projection.key(decoded.record))
  for (let last = after; ; ) {
    const parameters: Parameter[] = []
    const narrowed = conditions.flatMap((condition) => narrowing(projection, condition, letters, parameters))
    if (last !== null) narrowed.push(`row_key > $${parameters.push(last)}`)
    const keys = await select(transaction, projection, narrowed, parameters, keysAtOnce)
    const then = await foldKeys(transaction, projection, keys, asOf)
    yield keys.flatMap(({ key }) => {
      const row = then.get(key)
      if (row === undefined) return []
      const shown = encode(row.row)
      return conditions.every((condition) => meets(condition, shown)) ? [{ key, ...row }] : []
    })
    if (keys.length < keysAtOnce) return
    last = keys.at(-1)?.key ?? null
  }
}

/** What a condition on a row of the past says about keys; nothing when it says nothing for sure. */
const narrowing = (
  { keyColumns, findBy = [], topic }: AnyProjection,
  condition: Condition,
  letters: ReadonlySet<string>,
  parameters: Parameter[],
): ReadonlyArray<string> => {
  if (condition.is !== "=") return []
  if (keyColumns.includes(condition.column)) return [sqlCondition(condition, parameters)]
  if (!findBy.includes(condition.column)) return []
  const columns = keyColumns.join(", ")
  const found = `(${columns}) in (select ${columns} from ${topic.evidenceTable} where ${sqlCondition(condition, parameters)})`
  // Retried letters are in no evidence table: their keys are held against the condition after the fold alone.
  return letters.size === 0
    ? [found]
    : [`(${found} or row_key = any($${parameters.push(arrayLiteral(letters))}::text::text[]))`]
}
