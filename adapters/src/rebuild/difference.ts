import { isDeepStrictEqual } from "node:util"
import { snapshotTable } from "@landfall/projections/projection"
import type { AnyProjection } from "@landfall/projections/registry"
import { rowEncoder, type SqlRow } from "@landfall/projections/row-codec"
import { readableColumns } from "../history/snapshot-table.ts"
import type { Transaction } from "../postgres/transaction.ts"
import type { FoldedRows } from "./folded-rows.ts"

/** A row that differs: the fields that do, as the live table and as the rebuilt one have them. */
export interface RowDifference {
  readonly key: string
  /** `missing`: the live table lacks it; `surplus`: only the live table has it. */
  readonly kind: "missing" | "surplus" | "changed"
  /** `topic_partition` and `kafka_offset` name the event that changed the row last. */
  readonly fields: { readonly [field: string]: { readonly live: unknown; readonly rebuilt: unknown } }
}

/** The difference between a live table and the same rows made again, at one position. */
export interface SnapshotDifference {
  readonly same: number
  readonly changed: number
  readonly missing: number
  readonly surplus: number
  /** Changed rows by field. */
  readonly changed_fields: { readonly [field: string]: number }
  /** The first that were found. */
  readonly first: ReadonlyArray<RowDifference>
}

/** More are counted and not listed. */
export const differencesListed = 20
const pageRows = 5_000

type LiveRow = SqlRow & {
  readonly row_key: string
  readonly topic_partition: number
  readonly kafka_offset: string
}

/** Holds the live table, as the transaction sees it, against rows that were folded to the same position. */
export const compareWithLive = async (
  transaction: Transaction,
  projection: AnyProjection,
  rows: FoldedRows,
): Promise<SnapshotDifference> => {
  const tally = new Tally()
  const encode = rowEncoder(projection)
  const rebuiltRow = (key: string): SqlRow | null => {
    const held = rows.get(key)
    return held === undefined
      ? null
      : { ...encode(held.row), topic_partition: held.partition, kafka_offset: held.offset }
  }
  const met = new Set<string>()
  for await (const page of livePages(transaction, projection))
    for (const { row_key, ...columns } of page) {
      met.add(row_key)
      const live = { ...columns, kafka_offset: Number(columns.kafka_offset) }
      tally.add(row_key, live, rebuiltRow(row_key))
    }
  for (const key of rows.keys()) if (!met.has(key)) tally.add(key, null, rebuiltRow(key))
  return tally.result()
}

async function* livePages(
  transaction: Transaction,
  projection: AnyProjection,
): AsyncGenerator<ReadonlyArray<LiveRow>> {
  const cursor = `compared_${projection.name}`
  await transaction.script(
    `declare ${cursor} no scroll cursor for
     select row_key, topic_partition, kafka_offset, ${readableColumns(projection)} from ${snapshotTable(projection)}`,
  )
  for (;;) {
    const page = await transaction.query<LiveRow>(`fetch ${pageRows} from ${cursor}`)
    yield page
    if (page.length < pageRows) break
  }
  await transaction.script(`close ${cursor}`)
}

class Tally {
  private readonly counts = { same: 0, changed: 0, missing: 0, surplus: 0 }
  private readonly fields = new Map<string, number>()
  private readonly first: RowDifference[] = []

  add(key: string, live: SqlRow | null, rebuilt: SqlRow | null): void {
    const fields = differingFields(live ?? {}, rebuilt ?? {})
    const kind = live === null ? "missing" : rebuilt === null ? "surplus" : "changed"
    if (kind === "changed" && fields.length === 0) {
      this.counts.same++
      return
    }
    this.counts[kind]++
    if (kind === "changed")
      for (const field of fields) this.fields.set(field, (this.fields.get(field) ?? 0) + 1)
    if (this.first.length >= differencesListed) return
    const shown = fields.map((field) => [
      field,
      { live: live?.[field] ?? null, rebuilt: rebuilt?.[field] ?? null },
    ])
    this.first.push({ key, kind, fields: Object.fromEntries(shown) })
  }

  result(): SnapshotDifference {
    return { ...this.counts, changed_fields: Object.fromEntries(this.fields), first: this.first }
  }
}

/** SQL has one null for "absent" and for "null", and of JSON the order of fields means nothing. */
const differingFields = (live: SqlRow, rebuilt: SqlRow): ReadonlyArray<string> =>
  [...new Set([...Object.keys(live), ...Object.keys(rebuilt)])].filter(
    (field) => !isDeepStrictEqual(live[field] ?? null, rebuilt[field] ?? null),
  )
