import type { AlertSubject, Facts } from "../define-rule.ts"
import type { WatchedTransfer } from "../reads/transfer.ts"

/** How alerts about a transfer name it. */
export const transferSubject = ({ transfer }: WatchedTransfer): AlertSubject => ({
  asset_id: transfer.asset_id,
  ...(transfer.tx_hash !== null && { tx_hash: transfer.tx_hash }),
})

/** What alerts about a transfer tell of it. */
export const transferFacts = ({ transfer, status_since }: WatchedTransfer): Facts => ({
  status: transfer.status,
  status_since,
  first_seen_at: transfer.first_seen_at,
  chain: transfer.chain,
  account_id: transfer.account_id,
  funding_handle: transfer.funding_handle,
  amount: transfer.amount.toString(),
  confirmations: transfer.confirmations,
  confirmations_required: transfer.confirmations_required,
  bridge_status: transfer.bridge_status ?? null,
  ...(transfer.successor_tx_hash !== undefined && { successor_tx_hash: transfer.successor_tx_hash }),
  ...(transfer.below_minimum === true && { below_minimum: true }),
})

/** Why an alert about a transfer clears. */
export const transferRecovered = ({ transfer }: WatchedTransfer): string =>
  `the deposit is ${transfer.status}`
