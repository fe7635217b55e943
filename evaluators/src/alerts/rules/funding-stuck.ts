import { epochMs } from "@landfall/domain/timestamp"
import { type FundingStatus, uncreditedStatuses } from "@landfall/domain/topics/funding-observation"
import { Schema } from "effect"
import { type Breach, defineRule, spoken, WindowMs } from "../define-rule.ts"
import { type WatchedTransfer, watchedTransfer } from "../reads/transfer.ts"
import { transferFacts, transferRecovered, transferSubject } from "./transfer-words.ts"

const withdrawnStatuses: ReadonlySet<FundingStatus> = new Set([
  "replaced",
  "conflicted",
  "dropped",
  "reorged",
])

/** Money that was counted, or even credited, has left the chain. */
const withdrawn = (
  { transfer, status_since }: WatchedTransfer,
  report_ms: number | undefined,
): Breach | null => {
  if (!withdrawnStatuses.has(transfer.status)) return null
  const credited = transfer.credited_at !== undefined
  const from = epochMs(status_since)
  return {
    from,
    ...(report_ms !== undefined && !credited && { until: from + report_ms }),
    window_ms: 0,
    reason: `${transfer.status} after it was ${credited ? "credited" : "counted"}`,
  }
}

const failed = ({ failed_since, transfer }: WatchedTransfer): Breach | null =>
  failed_since === null || transfer.status === "credited"
    ? null
    : { from: epochMs(failed_since), window_ms: 0, reason: "the bridge says that the deposit failed" }

const overdue = ({ transfer }: WatchedTransfer, stuck_ms: number): Breach | null =>
  !uncreditedStatuses.has(transfer.status)
    ? null
    : {
        from: epochMs(transfer.first_seen_at) + stuck_ms,
        window_ms: stuck_ms,
        reason: `not credited within ${spoken(stuck_ms)} of its first sight`,
      }

/** A deposit will not arrive unless somebody acts. Of several causes, the one that began first is told. */
export const fundingStuck = defineRule({
  code: "funding_stuck",
  severity: "critical",
  scope: "liquidity-manager",
  reads: watchedTransfer,
  policy: Schema.Struct({
    window_ms: WindowMs,
    /** How long a deposit that left the chain uncredited is told of; without it, until it comes back. A day in the default policy. */
    report_withdrawn_ms: Schema.optionalKey(WindowMs),
  }),
  subject: transferSubject,
  breach: (row, { window_ms, report_withdrawn_ms }) => {
    const causes = [withdrawn(row, report_withdrawn_ms), failed(row), overdue(row, window_ms)].filter(
      (cause) => cause !== null,
    )
    return causes.reduce<Breach | null>(
      (first, cause) => (first === null || cause.from < first.from ? cause : first),
      null,
    )
  },
  recovered: transferRecovered,
  facts: transferFacts,
  ahead: "pending",
  clears: "after_quiet",
  yields_to: [],
})
