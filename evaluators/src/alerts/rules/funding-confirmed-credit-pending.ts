import { epochMs } from "@landfall/domain/timestamp"
import { Schema } from "effect"
import { defineRule, spoken, WindowMs } from "../define-rule.ts"
import { watchedTransfer } from "../reads/transfer.ts"
import { transferFacts, transferRecovered, transferSubject } from "./transfer-words.ts"

/** A deposit is confirmed, and the bridge has not credited it for too long. */
export const fundingConfirmedCreditPending = defineRule({
  code: "funding_confirmed_credit_pending",
  severity: "warning",
  scope: "liquidity-manager",
  reads: watchedTransfer,
  policy: Schema.Struct({ window_ms: WindowMs }),
  subject: transferSubject,
  breach: ({ transfer, status_since }, { window_ms }) =>
    transfer.status !== "confirmed"
      ? null
      : {
          from: epochMs(status_since) + window_ms,
          window_ms,
          reason: `confirmed but not credited for more than ${spoken(window_ms)}`,
        },
  recovered: transferRecovered,
  facts: transferFacts,
  ahead: "pending",
  clears: "after_quiet",
  yields_to: ["funding_stuck"],
})
