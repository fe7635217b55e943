import type { AnyProjection } from "@landfall/projections/registry"
import { openSnapshotTable } from "../history/snapshot-table.ts"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import type { FoldedPartition, FoldedRows } from "./folded-rows.ts"

/** What the rows of a table beside the live one were folded from; `live` for one that was the live one itself. */
export type CopySource = "evidence" | "topics" | "live"

/** A table beside the live one. */
export interface SnapshotCopy {
  readonly copy: "shadow" | "previous"
  readonly version: number
  readonly source: CopySource
  /** Who made it. */
  readonly holder: string
  readonly beganAtMs: number
}

/** Someone else has moved the shadow although it was locked: nothing more is written to it. */
export class ShadowMoved extends Error {
  override readonly name = "ShadowMoved"
}

/** Rows that are made ready for the server at once: a bound on memory. */
const portionRows = 20_000

function* portionsOf<Item>(items: Iterable<Item>): Generator<ReadonlyArray<Item>> {
  let portion: Item[] = []
  for (const item of items) {
    portion.push(item)
    if (portion.length < portionRows) continue
    yield portion
    portion = []
  }
  if (portion.length > 0) yield portion
}

/** The name of the table that a snapshot is rebuilt in. */
export const shadowTable = ({ name }: { readonly name: string }): string => `${name}_shadow`

/** The tables beside the live one of a projection. */
export const readCopies = async (
  transaction: Transaction,
  { name }: AnyProjection,
): Promise<ReadonlyArray<SnapshotCopy>> => {
  const rows = await transaction.query<Omit<SnapshotCopy, "beganAtMs"> & { readonly began_at_ms: string }>(
    `select copy, version, source, holder, (extract(epoch from began_at) * 1000)::bigint as began_at_ms
     from snapshot_copies where projection = $1`,
    [name],
  )
  return rows.map(({ began_at_ms, ...copy }) => ({ ...copy, beganAtMs: Number(began_at_ms) }))
}

/** How far a table has been folded, by partition; empty for a live one that is written, where the checkpoints say it. */
export const readCopyPositions = async (
  transaction: Transaction,
  { name }: { readonly name: string },
  copy: SnapshotCopy["copy"] | "live",
): Promise<ReadonlyMap<number, FoldedPartition>> => {
  const rows = await transaction.query<{ topic_partition: number; next_offset: string; events: string }>(
    "select topic_partition, next_offset, events from snapshot_positions where projection = $1 and copy = $2",
    [name, copy],
  )
  return new Map(
    rows.map((row) => [row.topic_partition, { next: Number(row.next_offset), events: Number(row.events) }]),
  )
}

/** Makes an empty shadow; one that was there is dropped. */
export const createShadow = async (
  transaction: Transaction,
  { name, version }: AnyProjection,
  { source, holder }: Pick<SnapshotCopy, "source" | "holder">,
): Promise<void> => {
  await transaction.query("select create_shadow_snapshot($1)", [name])
  await forgetShadow(transaction, name)
  await transaction.query(
    `insert into snapshot_copies (projection, copy, version, source, holder, began_at)
     values ($1, 'shadow', $2, $3, $4, now())`,
    [name, version, source, holder],
  )
}

/** Drops the shadow and what is known of it. */
export const dropShadow = async (transaction: Transaction, { name }: AnyProjection): Promise<void> => {
  await transaction.query("select drop_snapshot_copy($1, 'shadow')", [name])
  await forgetShadow(transaction, name)
}

/** Makes the previous table the shadow, where it stands; a shadow that was there is dropped. */
export const recallPrevious = async (
  transaction: Transaction,
  { name }: AnyProjection,
  holder: string,
): Promise<void> => {
  await transaction.query("select recall_previous_snapshot($1)", [name])
  await forgetShadow(transaction, name)
  await transaction.query(
    "update snapshot_copies set copy = 'shadow', holder = $2 where projection = $1 and copy = 'previous'",
    [name, holder],
  )
  await transaction.query(
    "update snapshot_positions set copy = 'shadow' where projection = $1 and copy = 'previous'",
    [name],
  )
}

const forgetShadow = async (transaction: Transaction, name: string): Promise<void> => {
  for (const table of ["snapshot_copies", "snapshot_positions"])
    await transaction.query(`delete from ${table} where projection = $1 and copy = 'shadow'`, [name])
}

/**
 * Writes what was folded since the last time, and how far that was, in the given transaction. `before` is where the shadow
 * was left; throws {@link ShadowMoved} when it is not there.
 */
export const writeShadow = async (
  transaction: Transaction,
  projection: AnyProjection,
  rows: FoldedRows,
  before: ReadonlyMap<number, FoldedPartition>,
): Promise<void> => {
  const found = await readCopyPositions(transaction, projection, "shadow")
  const isThere = ([partition, at]: readonly [number, FoldedPartition]): boolean =>
    found.get(partition)?.next === at.next && found.get(partition)?.events === at.events
  if (found.size !== before.size || ![...before].every(isThere))
    throw new ShadowMoved(
      `the shadow of ${projection.name} was moved by someone else; nothing was written to it`,
    )
  const table = openSnapshotTable(projection, shadowTable(projection))
  if (before.size > 0)
    for (const portion of portionsOf(rows.changes())) await table.write(transaction, portion)
  else {
    await table.fill(transaction, rows.changes())
    await transaction.query("select key_shadow_snapshot($1)", [projection.name])
  }
  const partitions = [...rows.partitions]
  await transaction.query(
    `insert into snapshot_positions (projection, copy, topic_partition, next_offset, events)
     select $1, 'shadow', * from unnest($2::integer[], $3::bigint[], $4::bigint[])
     on conflict (projection, copy, topic_partition) do update set next_offset = excluded.next_offset, events = excluded.events`,
    [
      projection.name,
      arrayLiteral(partitions.map(([partition]) => partition)),
      arrayLiteral(partitions.map(([, { next }]) => next)),
      arrayLiteral(partitions.map(([, { events }]) => events)),
    ],
  )
}
