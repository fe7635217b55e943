import type { Position } from "@landfall/domain/position"
import { snapshotTable } from "@landfall/projections/projection"
import type { AnyProjection } from "@landfall/projections/registry"
import { rowDecoder } from "@landfall/projections/row-codec"
import { readCheckpoints } from "../history/checkpoint.ts"
import { holdUnswapped, readableColumns, type StoredRow } from "../history/snapshot-table.ts"
import { requireSnapshotVersions } from "../history/snapshot-versions.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { stateHasher } from "./state-hash.ts"

interface Row {
  readonly row_key: string
  readonly topic_partition: number
  readonly kafka_offset: string
}

/** Rows read at once: a bound on memory, whatever the table holds. */
const pageRows = 5_000

/** The position that the live snapshot of a projection stands at, as of the transaction. */
export const livePosition = async (
  transaction: Transaction,
  projection: AnyProjection,
): Promise<Position> => {
  const ofTopic = (await readCheckpoints(transaction)).filter(({ topic }) => topic === projection.topic.name)
  return {
    [projection.topic.name]: Object.fromEntries(
      ofTopic.map(({ partition, nextOffset }) => [String(partition), nextOffset]),
    ),
  }
}

/**
 * The rows of the live snapshot in key order, a page at a time. Throws `SnapshotVersionDiffers` when another version of the
 * projection wrote them.
 */
export async function* liveRows(
  transaction: Transaction,
  projection: AnyProjection,
): AsyncGenerator<ReadonlyArray<StoredRow & { readonly key: string }>> {
  await requireSnapshotVersions(transaction, [projection])
  await holdUnswapped(transaction, projection)
  const decode = rowDecoder(projection)
  const cursor = `live_${projection.name}`
  // One sort for all pages, whatever the collation of the database.
  await transaction.script(
    `declare ${cursor} no scroll cursor for
     select row_key, topic_partition, kafka_offset, ${readableColumns(projection)} from ${snapshotTable(projection)} order by row_key collate "C"`,
  )
  for (;;) {
    const page = await transaction.query<Row>(`fetch ${pageRows} from ${cursor}`)
    if (page.length > 0)
      yield page.map((row) => ({
        key: row.row_key,
        row: decode(row as never),
        partition: row.topic_partition,
        offset: Number(row.kafka_offset),
      }))
    if (page.length < pageRows) break
  }
  await transaction.script(`close ${cursor}`)
}

/** The hash of the live snapshot, by the same function as a fold's, and how many rows it has. */
export const hashLive = async (
  transaction: Transaction,
  projection: AnyProjection,
): Promise<{ readonly hash: string; readonly rows: number }> => {
  const hasher = stateHasher(projection)
  let rows = 0
  for await (const page of liveRows(transaction, projection)) {
    for (const { key, row } of page) hasher.add(key, row)
    rows += page.length
  }
  return { hash: hasher.digest(), rows }
}
