import type { AnyProjection } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"
import { createCheckpoint, lockCheckpoints, moveCheckpoints } from "./checkpoint.ts"
import { findExisting, writeEvidence } from "./evidence-table.ts"
import type { SetAside } from "./set-aside.ts"
import { endSilentHolders } from "./silent-holders.ts"
import { openSnapshotTable, type SnapshotTable } from "./snapshot-table.ts"
import { readStandings } from "./snapshot-versions.ts"

/** All that a history writer asks of the database inside of its transactions: what the simulation puts its own tables behind. */
export interface HistoryTables {
  readonly endSilentHolders: (transaction: Transaction) => Promise<number>
  readonly lockCheckpoints: typeof lockCheckpoints
  readonly createCheckpoint: typeof createCheckpoint
  readonly moveCheckpoints: typeof moveCheckpoints
  readonly readStandings: typeof readStandings
  readonly findExisting: typeof findExisting
  readonly writeEvidence: typeof writeEvidence
  readonly writeSetAside: (transaction: Transaction, setAside: SetAside) => Promise<void>
  readonly snapshot: (projection: AnyProjection) => Pick<SnapshotTable, "load" | "write">
}

/** The tables that `sql/migrations/` makes in PostgreSQL. */
export const sqlTables: HistoryTables = {
  endSilentHolders,
  lockCheckpoints,
  createCheckpoint,
  moveCheckpoints,
  readStandings,
  findExisting,
  writeEvidence,
  writeSetAside: (transaction, setAside) => setAside.write(transaction),
  snapshot: openSnapshotTable,
}
