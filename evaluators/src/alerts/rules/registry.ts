import type { AnyRule } from "../define-rule.ts"
import { executorSubmissionFailed } from "./executor-submission-failed.ts"
import { fundingConfirmedCreditPending } from "./funding-confirmed-credit-pending.ts"
import { fundingSeenUnconfirmed } from "./funding-seen-unconfirmed.ts"
import { fundingStuck } from "./funding-stuck.ts"
import { inventorySnapshotStale } from "./inventory-snapshot-stale.ts"
import { referencePriceStale } from "./reference-price-stale.ts"

/** Every alert rule. A new one is one file, its test, one line here and one runbook page. */
export const alertRules: ReadonlyArray<AnyRule> = [
  referencePriceStale,
  inventorySnapshotStale,
  fundingSeenUnconfirmed,
  fundingConfirmedCreditPending,
  fundingStuck,
  executorSubmissionFailed,
]
