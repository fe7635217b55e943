import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import type { Transaction } from "../postgres/transaction.ts"
import { findRow, listRows } from "./rows.ts"

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const hashPrefix = /^(?:0x)?[0-9a-f]{4,64}$/i

/** Whether the text can name a transfer: its id, or at least four digits of a transaction hash. */
export const namesTransfer = (text: string): boolean => uuid.test(text) || hashPrefix.test(text)

/**
 * The transfers that a text names, at most `limit`: by id, or by the beginning of the chain's transaction hash, or else of
 * the bridge's.
 */
export const findTransfers = async (
  transaction: Transaction,
  text: string,
  limit: number,
): Promise<ReadonlyArray<FundingTransfer>> => {
  const wanted = text.toLowerCase()
  if (uuid.test(wanted)) {
    const found = await findRow(transaction, fundingTransfer, wanted, null)
    return found === null ? [] : [found.row as FundingTransfer]
  }
  const prefixes = wanted.startsWith("0x") ? [wanted] : [wanted, `0x${wanted}`]
  for (const column of ["tx_hash", "bridge_deposit_tx_hash"]) {
    const found: FundingTransfer[] = []
    for (const prefix of prefixes) {
      // `g` comes right after the digits of a hash.
      const conditions = [
        { column, type: "text", is: ">=", value: prefix },
        { column, type: "text", is: "<", value: `${prefix}g` },
      ] as const
      const rows = await listRows(
        transaction,
        fundingTransfer,
        { conditions, after: null, asOf: null },
        limit,
      )
      for (const { row } of rows) found.push(row as FundingTransfer)
    }
    if (found.length > 0) return found.slice(0, limit)
  }
  return []
}
