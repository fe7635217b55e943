import type { Position } from "@landfall/domain/position"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { readCheckpoints } from "../history/checkpoint.ts"
import { holdSnapshots } from "../history/snapshot-table.ts"
import { isWritten, readStandings } from "../history/snapshot-versions.ts"
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

/** The past that is asked about is not in a snapshot that waits to be made again; the message says until when it is. */
export class BeingRebuilt extends Error {
  override readonly name = "BeingRebuilt"
}

/**
 * The position that an answer about a projection's rows stands at; by event time all that was read counts, whenever it was
 * read. A snapshot that is being made again is not written meanwhile: answers stand where it does, and throws
 * {@link BeingRebuilt} when they are asked about what came after, whose keys it may not have.
 */
export const positionOf = async (
  transaction: Transaction,
  asOf: AsOf | null,
  projection: AnyProjection | null = null,
): Promise<Position> => {
  const position =
    asOf?.basis === "ingest" ? await positionAt(transaction, asOf.at) : await readPosition(transaction)
  const frozen = projection === null ? null : await frozenOffsets(transaction, projection)
  if (projection === null || frozen === null) return position
  const topic = projection.topic.name
  const isPast = Object.entries(position[topic] ?? {}).some(
    ([partition, next]) => next > (frozen[partition] ?? 0),
  )
  if (asOf !== null && isPast)
    throw new BeingRebuilt(
      `the snapshot of ${projection.name} is being made again and stands at ${JSON.stringify(frozen)} of ${topic}: ask about an earlier instant, or again when it is done`,
    )
  return asOf === null ? { ...position, [topic]: frozen } : position
}

/** Where a snapshot stands that no writer folds into; null for one that stands where the checkpoints do. */
const frozenOffsets = async (
  transaction: Transaction,
  projection: AnyProjection,
): Promise<{ readonly [partition: string]: number } | null> => {
  const standings = await readStandings(transaction)
  const standing = standings.get(projection.name)
  if (standing === undefined || standing.frozenAtMs === null || isWritten(standings, projection)) return null
  const rows = await transaction.query<{ topic_partition: number; next_offset: string }>(
    `select topic_partition, next_offset from snapshot_positions where projection = $1 and copy = 'live'
     order by topic_partition`,
    [projection.name],
  )
  return Object.fromEntries(rows.map((row) => [String(row.topic_partition), Number(row.next_offset)]))
}

/** An answer and the position of the rows it was read from. */
export interface Audited<Rows> {
  readonly rows: Rows
  readonly position: Position
  /** Which version of the projection made the rows, while another is to take its place; null otherwise. */
  readonly rebuilding: { readonly version: number } | null
}

/** The version that is read of a snapshot that is being made again; null for one that is written. */
const rebuildingOf = async (
  transaction: Transaction,
  projection: AnyProjection | null,
): Promise<Audited<unknown>["rebuilding"]> => {
  if (projection === null) return null
  const standing = (await readStandings(transaction)).get(projection.name)
  return standing === undefined || standing.frozenAtMs === null ? null : { version: standing.version }
}

/** A question together with the position that its answer stands at, from one state of the database. */
export const audited =
  <Rows>(
    question: (transaction: Transaction) => Promise<Rows>,
    asOf: AsOf | null = null,
    projection: AnyProjection | null = null,
  ) =>
  async (transaction: Transaction): Promise<Audited<Rows>> => {
    await holdSnapshots(transaction, projections)
    return {
      position: await positionOf(transaction, asOf, projection),
      rebuilding: await rebuildingOf(transaction, projection),
      rows: await question(transaction),
    }
  }
