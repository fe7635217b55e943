import { epochMs } from "@landfall/domain/timestamp"
import { Schema } from "effect"
import { defineRule, spoken, WindowMs } from "../define-rule.ts"
import { watchedTransfer } from "../reads/transfer.ts"
import { transferFacts, transferRecovered, transferSubject } from "./transfer-words.ts"

/** A deposit has been in the mempool too long: its fee may be too low, or its sender may replace it. */
export const fundingSeenUnconfirmed = defineRule({
  code: "funding_seen_unconfirmed",
  severity: "warning",
  scope: "liquidity-manager",
  reads: watchedTransfer,
  policy: Schema.Struct({ window_ms: WindowMs }),
  subject: transferSubject,
  breach: ({ transfer, status_since }, { window_ms }) =>
    transfer.status !== "seen"
      ? null
      : {
          from: epochMs(status_since) + window_ms,
          window_ms,
          reason: `seen but unmined for more than ${spoken(window_ms)}`,
        },
  recovered: transferRecovered,
  facts: transferFacts,
  ahead: "pending",
  clears: "after_quiet",
  yields_to: ["funding_stuck"],
})
