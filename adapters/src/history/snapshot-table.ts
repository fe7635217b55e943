import type { ColumnType } from "@landfall/domain/column"
import { snapshotTable } from "@landfall/projections/projection"
import type { AnyProjection } from "@landfall/projections/registry"
import { rowDecoder } from "@landfall/projections/row-codec"
import { type BinaryRows, pieces } from "../postgres/binary-copy.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { SnapshotSwapped } from "./snapshot-versions.ts"

/** A row and the event that changed it last, which is its version. */
export interface StoredRow {
  readonly row: unknown
  readonly partition: number
  readonly offset: number
}

/** A row that a batch changed: what it is now, and the version it was folded from (null: it was not there). */
export interface ChangedRow {
  readonly key: string
  readonly before: StoredRow | null
  readonly after: StoredRow
}

/** A snapshot row was changed by another writer between our reading and our writing it. */
export class SnapshotMoved extends Error {
  override readonly name = "SnapshotMoved"
}

/** Reading and writing the snapshot table of one projection. */
export interface SnapshotTable {
  readonly load: (
    transaction: Transaction,
    keys: ReadonlyArray<string>,
  ) => Promise<ReadonlyMap<string, StoredRow>>
  readonly loadAll: (transaction: Transaction) => Promise<ReadonlyMap<string, StoredRow>>
  /** The rows in the order of their keys, a page at a time. */
  readonly pages: (transaction: Transaction) => AsyncGenerator<ReadonlyMap<string, StoredRow>>
  readonly write: (transaction: Transaction, changes: ReadonlyArray<ChangedRow>) => Promise<void>
  /** Adds rows that the table does not have; they are made ready piece by piece while the server takes them. */
  readonly fill: (transaction: Transaction, changes: Iterable<ChangedRow>) => Promise<void>
}

/** Rows read at once by {@link SnapshotTable.pages}: a bound on memory, whatever the table holds. */
const pageRows = 5_000

/** How a column is selected so that it reads as in the record: canonical timestamps, ids and amounts as text. */
const readable = (name: string, type: ColumnType): string => {
  if (type === "timestamptz")
    return `to_char(${name} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${name}`
  return type === "uuid" || type === "numeric" ? `${name}::text` : name
}

/** The list of a projection's columns, each selected as {@link rowDecoder} reads it. */
export const readableColumns = (projection: AnyProjection): string =>
  Object.entries(projection.columns)
    .map(([name, { type }]) => readable(name, type))
    .join(", ")

type Row = { readonly row_key: string; readonly topic_partition: number; readonly kafka_offset: string }

/**
 * Keeps the projections' live tables from being swapped until the transaction ends. Must be the first statement of one that
 * reads several times from one state: it would else see a table that was swapped in as it was when it had no rows yet.
 */
export const holdSnapshots = (
  transaction: Transaction,
  projections: ReadonlyArray<{ readonly name: string }>,
): Promise<void> =>
  transaction.script(`lock table ${projections.map(snapshotTable).join(", ")} in access share mode`)

/**
 * The same in the middle of a long transaction, which would have kept a swap waiting from its beginning. Throws
 * {@link SnapshotSwapped} when the table was swapped since: its rows are not those of this transaction's state.
 */
export const holdUnswapped = async (
  transaction: Transaction,
  projection: { readonly name: string },
): Promise<void> => {
  await holdSnapshots(transaction, [projection])
  // A name is resolved as of now, the catalogue is read as of the transaction's beginning.
  const [table] = await transaction.query<{ same: boolean }>(
    `select coalesce((select oid from pg_class where relname = $1 and relnamespace = 'public'::regnamespace)
       = to_regclass($1)::oid, false) as same`,
    [snapshotTable(projection)],
  )
  if (table?.same !== true)
    throw new SnapshotSwapped(
      `the snapshot of ${projection.name} was swapped by a rebuild while it was waited for: run this again`,
    )
}

/** The snapshot table of a projection: the live one, or another that has its columns. */
export const openSnapshotTable = (
  projection: AnyProjection,
  table = snapshotTable(projection),
): SnapshotTable => {
  const staging = `incoming_${projection.name}`
  const columns = Object.entries(projection.columns)
  const names = ["row_key", "topic_partition", "kafka_offset", ...columns.map(([name]) => name)]
  const decode = rowDecoder(projection)
  const select = `select row_key, topic_partition, kafka_offset, ${readableColumns(projection)} from ${table}`
  const stored = (rows: ReadonlyArray<Row>): ReadonlyMap<string, StoredRow> =>
    new Map(
      rows.map((row) => [
        row.row_key,
        { row: decode(row as never), partition: row.topic_partition, offset: Number(row.kafka_offset) },
      ]),
    )

  const update = `update ${table} as live set ${names
    .slice(1)
    .map((name) => `${name} = ${staging}.${name}`)
    .join(", ")} from ${staging} where live.row_key = ${staging}.row_key
    and live.topic_partition = ${staging}.expected_partition and live.kafka_offset = ${staging}.expected_offset`
  const insert = `insert into ${table} (${names.join(", ")})
    select ${names.join(", ")} from ${staging} where expected_offset is null`

  const addRow = (rows: BinaryRows, key: string, { row, partition, offset }: StoredRow): void => {
    rows.text(key)
    rows.value("integer", partition)
    rows.int64(offset)
    for (const [, column] of columns) rows.value(column.type, column.of(row))
  }
  const addNew = (rows: BinaryRows, { key, after }: ChangedRow): void => {
    rows.begin(names.length)
    addRow(rows, key, after)
  }
  const addChanged = (rows: BinaryRows, { key, before, after }: ChangedRow): void => {
    rows.begin(names.length + 2)
    addRow(rows, key, after)
    rows.value("integer", before?.partition)
    if (before === null) rows.null()
    else rows.int64(before.offset)
  }
  const fill: SnapshotTable["fill"] = (transaction, changes) =>
    transaction.copyIn(
      `copy ${table} (${names.join(", ")}) from stdin (format binary)`,
      pieces(changes, addNew),
    )

  return {
    fill,
    load: async (transaction, keys) =>
      keys.length === 0
        ? new Map()
        : stored(
            await transaction.query<Row>(`${select} where row_key = any($1::text[])`, [arrayLiteral(keys)]),
          ),
    loadAll: async (transaction) => stored(await transaction.query<Row>(select)),
    pages: async function* (transaction) {
      let after: string | null = null
      for (;;) {
        const rows: ReadonlyArray<Row> = await transaction.query<Row>(
          `${select} ${after === null ? "" : "where row_key > $1"} order by row_key limit ${pageRows}`,
          after === null ? [] : [after],
        )
        if (rows.length > 0) yield stored(rows)
        after = rows.at(-1)?.row_key ?? null
        if (rows.length < pageRows) return
      }
    },
    write: async (transaction, changes) => {
      if (changes.length === 0) return
      const known = changes.reduce((count, change) => (change.before === null ? count : count + 1), 0)
      if (known === 0) return fill(transaction, changes)
      await transaction.script(
        `create temporary table if not exists ${staging} (like ${table}, expected_partition integer, expected_offset bigint)
         on commit delete rows`,
      )
      await transaction.copyIn(
        `copy ${staging} (${[...names, "expected_partition", "expected_offset"].join(", ")}) from stdin (format binary)`,
        pieces(changes, addChanged),
      )
      const [updated] = await Promise.all([
        transaction.query(update),
        known < changes.length ? transaction.query(insert) : null,
      ])
      if (updated.count !== known)
        throw new SnapshotMoved(`another writer changed rows of ${table}; nothing was written`)
    },
  }
}
