import type { HistoryWriter, PartitionStatus } from "@landfall/adapters/history/history-writer"
import { type BackgroundRebuild, rebuildInWords } from "@landfall/adapters/rebuild/in-background"
import type { Position } from "@landfall/domain/position"
import { topics } from "@landfall/domain/registry"
import { inWords, type PartitionCondition } from "./progress.ts"
import { laggingFrom } from "./watch.ts"

/** How writing one topic goes on this instance. */
export interface TopicState {
  readonly topic: string
  readonly evidence_table: string
  /** Rows of evidence in the partitions that this instance has. */
  readonly count: number
  readonly duplicates: number
  readonly dead_letters: number
  readonly latest_write_at: string | null
  readonly offsets: { readonly [partition: string]: { readonly next: number; readonly end: number | null } }
  /** Messages that Kafka has and the evidence has not; null before the broker has said. */
  readonly lag: number | null
  /** `idle`: another instance has the partitions. */
  readonly write_status: "ok" | "lagging" | "failing" | "idle"
}

const topicState = (
  topic: { readonly name: string; readonly evidenceTable: string },
  partitions: ReadonlyArray<PartitionStatus>,
  trouble: string | null,
): TopicState => {
  const sum = (of: (partition: PartitionStatus) => number): number =>
    partitions.reduce((total, partition) => total + of(partition), 0)
  const written = partitions.filter(({ evidence, dead_letters }) => evidence + dead_letters > 0)
  const lag = partitions.some((partition) => partition.lag === null) ? null : sum(({ lag }) => lag ?? 0)
  return {
    topic: topic.name,
    evidence_table: topic.evidenceTable,
    count: sum(({ evidence }) => evidence),
    duplicates: sum(({ duplicates }) => duplicates),
    dead_letters: sum(({ dead_letters }) => dead_letters),
    latest_write_at:
      written
        .map(({ updated_at }) => updated_at)
        .sort()
        .at(-1) ?? null,
    offsets: Object.fromEntries(
      partitions.map(({ partition, next_offset, end_offset }) => [
        String(partition),
        { next: next_offset, end: end_offset },
      ]),
    ),
    lag,
    write_status:
      partitions.length === 0
        ? "idle"
        : trouble !== null
          ? "failing"
          : (lag ?? 0) > laggingFrom
            ? "lagging"
            : "ok",
  }
}

/** The `/state` document; `funding_observations` and `ops_alerts` stand by name as well as in the list. */
export const stateOf = (writer: Pick<HistoryWriter, "partitions" | "trouble">) => {
  const all = writer.partitions()
  const trouble = writer.trouble()
  const states = topics.map((topic) =>
    topicState(
      topic,
      all.filter((partition) => partition.topic === topic.name),
      trouble,
    ),
  )
  const byTable = (table: string): TopicState | undefined =>
    states.find((state) => state.evidence_table === table)
  return {
    trouble,
    latest_write_at:
      states
        .flatMap(({ latest_write_at }) => latest_write_at ?? [])
        .sort()
        .at(-1) ?? null,
    funding_observations: byTable("funding_observations"),
    ops_alerts: byTable("ops_alerts"),
    topics: states,
  }
}

/** How far this instance has written. */
export const positionOf = (partitions: ReadonlyArray<PartitionStatus>): Position => {
  const position: Record<string, Record<string, number>> = {}
  for (const { topic, partition, next_offset } of partitions) {
    position[topic] ??= {}
    position[topic][String(partition)] = next_offset
  }
  return position
}

/**
 * Ready once it has partitions or shares them with others, writes without trouble and has caught up: a snapshot that is
 * being rebuilt has not, though it answers as it was. Dead letters are told
 * of and are no reason: everything but their keys is as it should be, and others must not be able to take a service out.
 */
export const readinessOf = (
  writer: Pick<HistoryWriter, "trouble">,
  partitions: ReadonlyArray<PartitionCondition>,
  rebuilding: ReadonlyArray<BackgroundRebuild> = [],
) => {
  const trouble = writer.trouble()
  const reasons = [
    ...(trouble === null ? [] : [trouble]),
    ...partitions.filter(({ condition }) => condition !== "poisoned").map(inWords),
    ...rebuilding.map(rebuildInWords),
  ]
  return { ready: reasons.length === 0, reasons, partitions, rebuilding }
}
