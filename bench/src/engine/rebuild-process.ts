import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { rebuildProjection } from "@landfall/adapters/rebuild/rebuild"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { serveChild } from "./child.ts"

export interface RebuildOrder {
  readonly databaseUrl: string
  /** Also holds the rebuilt rows against the live ones, and does not promote them. */
  readonly compare: boolean
}

export interface RebuildReport {
  readonly took_ms: number
  readonly events: number
  /** Rows that differ from the live ones; null when they were not compared. */
  readonly different: number | null
}

serveChild(async ({ databaseUrl, compare }: RebuildOrder): Promise<RebuildReport> => {
  const database = openDatabase(databaseUrl, { applicationName: "bench-rebuild" })
  const began_ms = performance.now()
  const { events, difference } = await rebuildProjection(database, fundingTransfer, {
    fresh: true,
    promote: !compare,
    compare,
  })
  const took_ms = performance.now() - began_ms
  await database.close()
  const different = difference === null ? null : difference.changed + difference.missing + difference.surplus
  return { took_ms, events, different }
})
