import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { snapshotTable } from "@landfall/projections/projection"
import { rowDecoder } from "@landfall/projections/row-codec"
import { ask } from "../audit/ask.ts"
import type { Database, Parameter } from "../postgres/transaction.ts"
import { readableColumns } from "./snapshot-table.ts"

/** Conditions that a filter adds: a column, and the value it must have; null does not filter. */
export type Filters = { readonly [column: string]: string | null }

const where = (filters: Filters, parameters: Parameter[]): string[] =>
  Object.entries(filters).flatMap(([column, value]) => {
    if (value === null) return []
    parameters.push(value)
    return [`${column}::text = $${parameters.length}`]
  })

const decodeTransfer = rowDecoder(fundingTransfer)

/** Transfers by key, at most `limit + 1`, after the given key. */
export const listTransfers = (database: Database, filters: Filters, after: string | null, limit: number) =>
  ask(database, async (transaction) => {
    const parameters: Parameter[] = [limit + 1]
    const conditions = where(filters, parameters)
    if (after !== null) {
      parameters.push(after)
      conditions.push(`row_key > $${parameters.length}`)
    }
    const rows = await transaction.query(
      `select ${readableColumns(fundingTransfer)} from ${snapshotTable(fundingTransfer)}
       ${conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`} order by row_key limit $1`,
      parameters,
    )
    return rows.map((row) => decodeTransfer(row))
  })

/** An observation with its place in Kafka and the exact text of its message. */
export interface EvidenceEntry {
  readonly topic_partition: number
  readonly kafka_offset: number
  readonly ingested_at: string
  readonly leaf_hash: string
  readonly payload: string
}

const evidenceEntries = (rows: ReadonlyArray<Record<string, unknown>>): ReadonlyArray<EvidenceEntry> =>
  rows.map((row) => ({ ...row, kafka_offset: Number(row["kafka_offset"]) }) as EvidenceEntry)

const evidenceColumns = `topic_partition, kafka_offset, payload, encode(leaf_hash, 'hex') as leaf_hash,
  to_char(ingested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ingested_at`

/** Funding observations in the order of their logs, at most `limit + 1`, after the given place. */
export const listObservations = (
  database: Database,
  filters: Filters,
  after: { readonly partition: number; readonly offset: number } | null,
  limit: number,
) =>
  ask(database, async (transaction) => {
    const parameters: Parameter[] = [limit + 1]
    const conditions = where(filters, parameters)
    if (after !== null) {
      parameters.push(after.partition, after.offset)
      conditions.push(`(topic_partition, kafka_offset) > ($${parameters.length - 1}, $${parameters.length})`)
    }
    return evidenceEntries(
      await transaction.query(
        `select ${evidenceColumns} from ${fundingObservationTopic.evidenceTable}
         ${conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`}
         order by topic_partition, kafka_offset limit $1`,
        parameters,
      ),
    )
  })
