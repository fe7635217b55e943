import type { Timestamp } from "@landfall/domain/timestamp"
import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import { clampInstants, defineReads } from "../define-rule.ts"

/** A transfer, and since when it is what it is: later observations of the same status do not start it anew. */
export interface WatchedTransfer {
  readonly transfer: FundingTransfer
  readonly first_id: string
  readonly latest_id: string
  /** When the present status was first observed, and by which observation. */
  readonly status_since: Timestamp
  readonly status_id: string
  /** When the bridge began to say that the deposit failed; null while it does not. */
  readonly failed_since: Timestamp | null
  readonly failed_id: string | null
}

const isFailure = ({ bridge_status }: FundingObservation): boolean =>
  bridge_status?.trim().toUpperCase() === "FAILED"

const failureOf = (
  row: WatchedTransfer | null,
  seen: FundingObservation,
): Pick<WatchedTransfer, "failed_since" | "failed_id"> => {
  if (!isFailure(seen)) return { failed_since: null, failed_id: null }
  return {
    failed_since: row?.failed_since ?? seen.last_seen_at,
    failed_id: row?.failed_id ?? seen.funding_observation_id,
  }
}

const evolve = (row: WatchedTransfer | null, seen: FundingObservation): WatchedTransfer | null => {
  const transfer = fundingTransfer.evolve(row?.transfer ?? null, seen)
  if (transfer === null || transfer === row?.transfer) return row
  const id = seen.funding_observation_id
  const same = row !== null && row.transfer.status === transfer.status
  const since = row === null && transfer.status === "seen" ? seen.first_seen_at : seen.last_seen_at
  return {
    transfer,
    first_id: row?.first_id ?? id,
    latest_id: id,
    status_since: same ? row.status_since : since,
    status_id: same ? row.status_id : id,
    ...failureOf(row, seen),
  }
}

const instants = ["first_seen_at", "last_seen_at", "credited_at"] as const

/** Each transfer with the times that the funding rules count from. */
export const watchedTransfer = defineReads<WatchedTransfer, FundingObservation>({
  projection: {
    name: "watched_transfer",
    topic: fundingTransfer.topic,
    key: fundingTransfer.key,
    evolve,
  },
  clampEvent: (seen, latest) => clampInstants(seen, instants, latest),
  clampRow: (row, latest) => {
    const transfer = clampInstants(row.transfer, instants, latest)
    const clamped = clampInstants(row, ["status_since", "failed_since"], latest)
    return transfer === row.transfer ? clamped : { ...clamped, transfer }
  },
  events: (row) => [
    ...new Set([
      row.first_id,
      row.status_id,
      row.latest_id,
      ...(row.failed_id === null ? [] : [row.failed_id]),
    ]),
  ],
})
