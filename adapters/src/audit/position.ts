import type { Position } from "@landfall/domain/position"
import { readCheckpoints } from "../history/checkpoint.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { type AsOf, positionAt } from "./as-of.ts"

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

/** An answer and the position of the rows it was read from. */
export interface Audited<Rows> {
  readonly rows: Rows
  readonly position: Position
}

/** A question together with the position that its answer stands at, from one state of the database. */
export const audited =
  <Rows>(question: (transaction: Transaction) => Promise<Rows>, asOf: AsOf | null = null) =>
  async (transaction: Transaction): Promise<Audited<Rows>> => ({
    position: await positionOf(transaction, asOf),
    rows: await question(transaction),
  })
