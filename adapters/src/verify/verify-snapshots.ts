import { toJson } from "@landfall/domain/codec"
import { snapshotTable } from "@landfall/projections/projection"
import type { AnyProjection } from "@landfall/projections/registry"
import { rowEncoder, type SqlRow } from "@landfall/projections/row-codec"
import { holdUnswapped, readableColumns, type StoredRow } from "../history/snapshot-table.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { hashRows } from "../replay/state-hash.ts"
import { differingColumns } from "./columns.ts"
import type { Findings } from "./findings.ts"

/** A projection's state as the evidence makes it. */
export interface VerifiedState {
  readonly projection: string
  readonly version: number
  readonly rows: number
  /** Hexadecimal SHA-256, as `landfall replay --hash` gives it. */
  readonly hash: string
}

interface Version {
  readonly projection: string
  readonly version: number
  readonly frozen: boolean
}

/** The versions of the live snapshots, by projection. */
export const liveVersions = async (transaction: Transaction): Promise<ReadonlyMap<string, Version>> => {
  const rows = await transaction.query<Version>(
    "select projection, version, frozen_at is not null as frozen from snapshot_versions",
  )
  return new Map(rows.map((row) => [row.projection, row]))
}

/** Holds a live snapshot against the rows that the evidence makes, row by row. */
export const verifySnapshot = async (
  transaction: Transaction,
  findings: Findings,
  projection: AnyProjection,
  made: ReadonlyMap<string, StoredRow>,
  live: Version | undefined,
): Promise<VerifiedState> => {
  const rows = new Map(Array.from(made, ([key, { row }]) => [key, row]))
  const state = {
    projection: projection.name,
    version: projection.version,
    rows: rows.size,
    hash: hashRows(projection, rows),
  }
  if (live !== undefined && (live.version !== projection.version || live.frozen)) {
    findings.note(
      `the snapshot of ${projection.name} was not compared: it is of version ${live.version}${live.frozen ? " and no longer written" : ""}, this program folds version ${projection.version}`,
    )
    return state
  }
  await holdUnswapped(transaction, projection)
  const encode = rowEncoder(projection)
  const missing = new Set(made.keys())
  const differs = (key: string, what: string): void =>
    findings.difference("snapshot", `${projection.name} ${key}`, what)
  for await (const page of storedRows(transaction, projection))
    for (const stored of page) {
      const { row_key: key, topic_partition: partition, kafka_offset: offset } = stored
      const expected = made.get(key)
      missing.delete(key)
      if (expected === undefined) {
        differs(key, "the snapshot has a row, the evidence makes none")
        continue
      }
      const wrong = differingColumns(encode(expected.row), stored)
      if (wrong !== "") differs(key, `the snapshot is not what the evidence makes: ${wrong}`)
      if (partition !== expected.partition || Number(offset) !== expected.offset)
        differs(
          key,
          `the snapshot says that offset ${partition}/${offset} changed it last, the evidence says ${expected.partition}/${expected.offset}`,
        )
    }
  for (const key of missing)
    differs(key, `the snapshot has no row, the evidence makes ${toJson(made.get(key)?.row)}`)
  return state
}

interface Stored extends SqlRow {
  readonly row_key: string
  readonly topic_partition: number
  readonly kafka_offset: string
}

/** Rows read at once: a bound on memory, whatever the table holds. */
const pageRows = 5_000

/** A snapshot's rows as SQL has them, not decoded: what was tampered with may be no row of the projection at all. */
async function* storedRows(
  transaction: Transaction,
  projection: AnyProjection,
): AsyncGenerator<ReadonlyArray<Stored>> {
  let after: string | null = null
  for (;;) {
    const page: ReadonlyArray<Stored> = await transaction.query<Stored>(
      `select row_key, topic_partition, kafka_offset, ${readableColumns(projection)} from ${snapshotTable(projection)}
       where $1::text is null or row_key > $1 order by row_key limit $2`,
      [after, pageRows],
    )
    yield page
    const last = page.at(-1)
    if (last === undefined || page.length < pageRows) return
    after = last.row_key
  }
}
