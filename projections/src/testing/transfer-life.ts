import type { FundingObservation, FundingStatus } from "@landfall/domain/topics/funding-observation"

/** What can happen to a transfer between two observations of it. */
export const happenings = [
  "mined",
  "confirmed",
  "reorged",
  "dropped",
  "replaced",
  "conflicted",
  "returned",
  "bridge_pending",
  "bridge_failed",
  "credited",
  "rewritten",
] as const
export type Happening = (typeof happenings)[number]

/** The axes of a transfer, from which its status follows. */
export interface Life {
  /** How many blocks it is deep; 0 while unmined. */
  readonly depth: number
  readonly gone: Extract<FundingStatus, "dropped" | "reorged" | "replaced" | "conflicted"> | null
  readonly credited_at: string | null
  readonly bridge: string | null
}

/** In the mempool, and nothing known of the bridge. */
export const firstLife: Life = { depth: 0, gone: null, credited_at: null, bridge: null }

/** The status that follows from the axes. */
export const statusOf = (life: Life, required: number): FundingStatus => {
  if (life.gone !== null) return life.gone
  if (life.credited_at !== null) return "credited"
  if (life.depth === 0) return "seen"
  return life.depth < required ? "confirming" : "confirmed"
}

/** What becomes of the transfer, or null when that cannot happen to it now. */
export const live = (life: Life, happening: Happening, now: string): Life | null => {
  const { depth, gone } = life
  switch (happening) {
    case "mined":
      return depth === 0 ? { ...life, depth: 1, gone: null } : null
    case "confirmed":
      return depth > 0 ? { ...life, depth: depth + 1 } : null
    case "reorged":
      return depth > 0 ? { ...life, depth: 0, gone: "reorged" } : null
    case "dropped":
    case "replaced":
    case "conflicted":
      return depth === 0 && gone === null ? { ...life, gone: happening } : null
    case "returned":
      return gone !== null ? { ...life, gone: null } : null
    case "bridge_pending":
      return { ...life, bridge: "PENDING" }
    case "bridge_failed":
      return { ...life, bridge: "FAILED" }
    case "credited":
      return life.credited_at === null ? { ...life, credited_at: now, bridge: "COMPLETED" } : null
    case "rewritten":
      return life
  }
}

/** The `cause` that an observation of the happening has. */
export const causeOf = (happening: Happening, status: FundingStatus): FundingObservation["cause"] => {
  if (happening === "bridge_pending" || happening === "bridge_failed" || happening === "rewritten")
    return "bridge_status"
  return happening === "confirmed" && status !== "confirmed" ? "confirmations" : happening
}
