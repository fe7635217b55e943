import type { AnyProjection } from "@landfall/projections/registry"
import type { Checkpoint } from "../history/checkpoint.ts"
import type { SnapshotStanding } from "../history/snapshot-versions.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"

/**
 * Makes the shadow live and keeps what was live as the previous table, in the given transaction, which holds all
 * checkpoints and has brought the shadow to them. Writers see the new generation with their next batch.
 */
export const swapSnapshot = async (
  transaction: Transaction,
  projection: AnyProjection,
  live: SnapshotStanding,
  checkpoints: ReadonlyArray<Checkpoint>,
  holder: string,
): Promise<void> => {
  const { name, version } = projection
  await transaction.query("select swap_snapshot($1)", [name])
  await forget(transaction, name, ["shadow", "previous"])
  // A frozen table stands where it was frozen, one that was written stands at the checkpoints.
  if (live.frozenAtMs === null)
    await transaction.query(
      `insert into snapshot_positions (projection, copy, topic_partition, next_offset, events)
       select $1, 'previous', * from unnest($2::integer[], $3::bigint[], $4::bigint[])`,
      [
        name,
        arrayLiteral(checkpoints.map(({ partition }) => partition)),
        arrayLiteral(checkpoints.map(({ nextOffset }) => nextOffset)),
        arrayLiteral(checkpoints.map(({ log }) => log.size)),
      ],
    )
  else
    await transaction.query(
      "update snapshot_positions set copy = 'previous' where projection = $1 and copy = 'live'",
      [name],
    )
  await transaction.query(
    `insert into snapshot_copies (projection, copy, version, source, holder, began_at)
     values ($1, 'previous', $2, 'live', $3, now())`,
    [name, live.version, holder],
  )
  await transaction.query(
    "update snapshot_versions set version = $2, generation = generation + 1, frozen_at = null where projection = $1",
    [name, version],
  )
}

const forget = async (
  transaction: Transaction,
  name: string,
  copies: ReadonlyArray<string>,
): Promise<void> => {
  for (const table of ["snapshot_copies", "snapshot_positions"])
    await transaction.query(`delete from ${table} where projection = $1 and copy = any($2::text[])`, [
      name,
      arrayLiteral(copies),
    ])
}
