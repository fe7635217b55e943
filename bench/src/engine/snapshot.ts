import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { liveRows } from "@landfall/adapters/replay/live-state"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { digestOf } from "./rows.ts"

/** The live snapshot of transfers in one word, comparable with a fold's. */
export const liveDigest = async (databaseUrl: string): Promise<string> => {
  const database = openDatabase(databaseUrl, { applicationName: "bench", deadlineMs: 120_000 })
  try {
    return await database.transaction(async (transaction) => {
      const rows: Array<{ readonly [field: string]: unknown }> = []
      for await (const page of liveRows(transaction, fundingTransfer))
        for (const { row } of page) rows.push(row as { readonly [field: string]: unknown })
      return digestOf(rows)
    })
  } finally {
    await database.close()
  }
}
