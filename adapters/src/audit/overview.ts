import { type AlertCode, alertTopic } from "@landfall/domain/topics/alert"
import { type Chain, uncreditedStatuses } from "@landfall/domain/topics/funding-observation"
import { alert } from "@landfall/projections/alert"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { snapshotTable } from "@landfall/projections/projection"
import { projections } from "@landfall/projections/registry"
import { countOpen, listDegraded } from "../dead-letters/list.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"

/** The whole record at a glance. */
export interface Overview {
  readonly snapshots: ReadonlyArray<{
    readonly projection: string
    /** The version that wrote the table; null before anything was written. */
    readonly version: number | null
    /** The version that this program folds. */
    readonly program_version: number
    readonly rows: number
  }>
  /** Open dead letters by topic, and keys whose newest state may lack a message. */
  readonly open_dead_letters: Readonly<Record<string, number>>
  readonly degraded_keys: number
  readonly active_alerts: ReadonlyArray<{
    readonly alert_code: AlertCode
    readonly severity: string
    readonly count: number
  }>
  /** Money on its way, by asset, in base units. */
  readonly uncredited_funding_total_by_asset: ReadonlyArray<{
    readonly asset_id: string
    readonly chain: Chain
    readonly transfers: number
    readonly total: bigint
  }>
}

/** More keys are not counted: somebody has to look anyway. */
const degradedMax = 10_000

/** Reads the overview, in the given state of the database. */
export const readOverview = async (transaction: Transaction): Promise<Overview> => ({
  snapshots: await readSnapshots(transaction),
  open_dead_letters: Object.fromEntries(await countOpen(transaction)),
  degraded_keys: (await listDegraded(transaction, degradedMax)).length,
  active_alerts: await transaction.query(
    `select alert_code, severity, count(*)::integer as count from ${snapshotTable(alert)}
     where status = 'raised' group by alert_code, severity order by severity, alert_code`,
  ),
  uncredited_funding_total_by_asset: await readUncredited(transaction),
})

const readSnapshots = async (transaction: Transaction): Promise<Overview["snapshots"]> => {
  const stored = await transaction.query<{ projection: string; version: number }>(
    "select projection, version from snapshot_versions",
  )
  const snapshots: Array<Overview["snapshots"][number]> = []
  for (const projection of projections) {
    const [counted] = await transaction.query<{ rows: string }>(
      `select count(*) as rows from ${snapshotTable(projection)}`,
    )
    snapshots.push({
      projection: projection.name,
      version: stored.find((one) => one.projection === projection.name)?.version ?? null,
      program_version: projection.version,
      rows: Number(counted?.rows ?? 0),
    })
  }
  return snapshots
}

const readUncredited = async (
  transaction: Transaction,
): Promise<Overview["uncredited_funding_total_by_asset"]> => {
  const rows = await transaction.query<{ asset_id: string; chain: Chain; transfers: number; total: string }>(
    `select asset_id, chain, count(*)::integer as transfers, sum(amount)::text as total from ${snapshotTable(fundingTransfer)}
     where status = any($1::text[]) group by asset_id, chain order by asset_id, chain`,
    [arrayLiteral([...uncreditedStatuses])],
  )
  return rows.map((row) => ({ ...row, total: BigInt(row.total) }))
}

/** The topics that an overview speaks of beside those of its snapshots. */
export const overviewTopics: ReadonlyArray<string> = [
  ...new Set([...projections.map(({ topic }) => topic.name), alertTopic.name]),
]
