import type { Position } from "@landfall/domain/position"
import { readCheckpoints } from "../history/checkpoint.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { type AsOf, positionAt } from "./as-of.ts"

/** An answer and the position of the rows it was read from. */
export interface Audited<Rows> {
  readonly rows: Rows
  readonly position: Position
}

/** How far every partition had been read, as the transaction sees it. */
export const readPosition = async (transaction: Transaction): Promise<Position> => {
  const position: Record<string, Record<string, number>> = {}
  for (const { topic, partition, nextOffset } of await readCheckpoints(transaction)) {
    position[topic] ??= {}
    position[topic][String(partition)] = nextOffset
  }
  return position
}

/** The position that an answer stands at: by event time all that was read counts, whenever it was read. */
export const positionOf = (transaction: Transaction, asOf: AsOf | null): Promise<Position> =>
  asOf?.basis === "ingest" ? positionAt(transaction, asOf.at) : readPosition(transaction)

/** Runs a question in one read-only snapshot of the database, with the position it stands at. */
export const ask = <Rows>(
  database: Pick<Database, "transaction">,
  question: (transaction: Transaction) => Promise<Rows>,
  asOf: AsOf | null = null,
): Promise<Audited<Rows>> =>
  database.transaction(
    async (transaction) => ({
      position: await positionOf(transaction, asOf),
      rows: await question(transaction),
    }),
    { mode: "repeatable read read only", deadlineMs: 10_000 },
  )
