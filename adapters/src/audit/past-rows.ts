import type { AnyProjection } from "@landfall/projections/registry"
import type { StoredRow } from "../history/snapshot-table.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { type AsOf, countsBy } from "./as-of.ts"
import { type Keyed, readKeyEvents } from "./key-events.ts"

/**
 * The rows of those keys as they were, by key: a fold of the events that count as of the instant, with the projection's
 * own `evolve`. Keys that had no row then are left out.
 */
export const foldKeys = async (
  transaction: Transaction,
  projection: AnyProjection,
  keys: ReadonlyArray<Keyed>,
  asOf: AsOf,
): Promise<ReadonlyMap<string, StoredRow>> => {
  const rows = new Map<string, StoredRow>()
  for await (const page of readKeyEvents(transaction, projection, keys, { asOf })) {
    for (const event of page) {
      if (!event.decoded.ok || !countsBy(asOf, projection.topic, event)) continue
      const { record } = event.decoded
      const key = projection.key(record)
      const before = rows.get(key)?.row ?? null
      const row = projection.evolve(before, record)
      if (row !== null && row !== before)
        rows.set(key, { row, partition: event.partition, offset: event.offset })
    }
  }
  return rows
}
