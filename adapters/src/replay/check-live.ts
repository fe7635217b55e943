import type { Position } from "@landfall/domain/position"
import type { AnyProjection } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"
import { livePosition, liveRows } from "./live-state.ts"
import type { TopicSource } from "./read-topic.ts"
import { type Replayed, type ReplayOptions, replayEvidence, replayTopics } from "./replay-projection.ts"
import { canonicalRow, hashRows, stateHasher } from "./state-hash.ts"

/** A row that is not the same in both; null where it is not there at all. Rows are in their canonical form. */
export interface RowDifference {
  readonly key: string
  readonly live: string | null
  readonly replayed: string | null
}

/** A replay held against the live snapshot, both at the same position. */
export interface LiveCheck {
  readonly position: Position
  readonly live: { readonly hash: string; readonly rows: number }
  readonly replayed: { readonly hash: string; readonly rows: number; readonly events: number }
  readonly same: boolean
  /** How many rows differ, and the first of them in key order. */
  readonly differing: number
  readonly differences: ReadonlyArray<RowDifference>
}

/** More are counted and not listed. */
const differencesMax = 20

/**
 * Messages of a topic that the history writer set aside and that count as no event, though they may decode: the same id
 * with other content, or what an older program refused.
 */
export const setAside = async (
  transaction: Transaction,
  topic: string,
): Promise<(partition: number, offset: number) => boolean> => {
  const rows = await transaction.query<{ topic_partition: number; kafka_offset: string }>(
    `select topic_partition, kafka_offset from dead_letters as letter where topic = $1 and not exists (
       select from retried_letters as retried where retried.topic = letter.topic
         and retried.topic_partition = letter.topic_partition and retried.kafka_offset = letter.kafka_offset)`,
    [topic],
  )
  const partitions = Map.groupBy(rows, ({ topic_partition }) => topic_partition)
  const offsets = new Map(
    [...partitions].map(([partition, of]) => [partition, new Set(of.map((row) => Number(row.kafka_offset)))]),
  )
  return (partition, offset) => offsets.get(partition)?.has(offset) ?? false
}

/**
 * Folds the evidence, or the topic where a source is given, up to the position of the live snapshot and holds the two
 * against each other row by row, all as of the given transaction.
 */
export const checkLive = async (
  transaction: Transaction,
  projection: AnyProjection,
  source: TopicSource | null,
  options: Omit<ReplayOptions, "range" | "skip"> = {},
): Promise<LiveCheck> => {
  const position = await livePosition(transaction, projection)
  const range = { start: null, end: position }
  const replayed =
    source === null
      ? await replayEvidence(transaction, projection, { ...options, range })
      : await replayTopics(source, projection, {
          ...options,
          range,
          skip: await setAside(transaction, projection.topic.name),
        })
  return { position, ...(await compare(transaction, projection, replayed)) }
}

const compare = async (
  transaction: Transaction,
  projection: AnyProjection,
  { rows, events }: Replayed,
): Promise<Omit<LiveCheck, "position">> => {
  const write = canonicalRow(projection)
  const hasher = stateHasher(projection)
  const differences: RowDifference[] = []
  let [live, differing] = [0, 0]
  const report = (difference: RowDifference): void => {
    differing++
    if (differences.length < differencesMax) differences.push(difference)
  }
  const unseen = new Set(rows.keys())
  for await (const page of liveRows(transaction, projection)) {
    for (const { key, row } of page) {
      hasher.add(key, row)
      const shown = write(key, row)
      const made = unseen.delete(key) ? write(key, rows.get(key)) : null
      if (made !== shown) report({ key, live: shown, replayed: made })
    }
    live += page.length
  }
  for (const key of unseen) report({ key, live: null, replayed: write(key, rows.get(key)) })
  return {
    live: { hash: hasher.digest(), rows: live },
    replayed: { hash: hashRows(projection, rows), rows: rows.size, events },
    same: differing === 0,
    differing,
    differences,
  }
}
