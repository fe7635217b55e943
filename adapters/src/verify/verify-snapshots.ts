import { toJson } from "@landfall/domain/codec"
import type { AnyProjection } from "@landfall/projections/registry"
import type { StoredRow } from "../history/snapshot-table.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { liveRows } from "../replay/live-state.ts"
import { canonicalRow, hashRows } from "../replay/state-hash.ts"
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
  const write = canonicalRow(projection)
  const missing = new Set(made.keys())
  const differs = (key: string, what: string): void =>
    findings.difference("snapshot", `${projection.name} ${key}`, what)
  for await (const page of liveRows(transaction, projection))
    for (const { key, row, partition, offset } of page) {
      const expected = made.get(key)
      missing.delete(key)
      if (expected === undefined || write(key, row) !== write(key, expected.row))
        differs(key, `the snapshot has ${shown(row)}, the evidence makes ${shown(expected?.row)}`)
      else if (partition !== expected.partition || offset !== expected.offset)
        differs(
          key,
          `the snapshot says that offset ${partition}/${offset} changed it last, the evidence says ${expected.partition}/${expected.offset}`,
        )
    }
  for (const key of missing)
    differs(key, `the snapshot has nothing, the evidence makes ${shown(made.get(key)?.row)}`)
  return state
}

const shown = (row: unknown): string => (row === undefined ? "nothing" : toJson(row))
