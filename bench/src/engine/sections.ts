import type { Figure, Missing, Result, Section, Target, Unit } from "../report/section.ts"
import { ratios } from "../report/statistics.ts"

/** What one run measured, in events a second unless the name says otherwise; null for what was not measured. */
export interface EngineRun {
  readonly raw_consume: number | null
  readonly replay: number | null
  readonly replay_handed_over: number | null
  readonly consume_parse: number | null
  readonly json_parse: number | null
  readonly streams: number | null
  readonly streams_committed: number | null
  readonly ingest: number | null
  readonly ingest_cpu_us: number | null
  readonly ingest_rss_mb: number | null
  readonly raw_copy_in: number | null
  readonly raw_copy_out: number | null
  readonly rebuild: number | null
  readonly rebuild_compared: number | null
  readonly emmett_append: number | null
  readonly emmett_append_grouped: number | null
  readonly emmett_rebuild: number | null
}

/** Sizes, and which peers were not there. */
export interface EngineFacts {
  readonly events: number
  readonly emmettEvents: number
  /** Bytes of a value on average. */
  readonly bytes: number
  readonly partitions: number
  readonly streamsMissing: string | null
  readonly emmettMissing: string | null
}

type Name = keyof EngineRun

/** The values of one thing in all runs; null when a run lacks it. */
const valuesOf = (runs: ReadonlyArray<EngineRun>, name: Name): ReadonlyArray<number> | null => {
  const values = runs.flatMap((run) => run[name] ?? [])
  return values.length === runs.length && runs.length > 0 ? values : null
}

const figure = (
  runs: ReadonlyArray<EngineRun>,
  name: Name,
  words: string,
  unit: Unit = "events/s",
): ReadonlyArray<Figure> => {
  const values = valuesOf(runs, name)
  return values === null ? [] : [{ name: words, unit, runs: values }]
}

const comparison = (
  runs: ReadonlyArray<EngineRun>,
  [ours, theirs]: readonly [Name, Name],
  words: string,
  target: Target | null,
  missing: string | null,
): Result | Missing => {
  const [dividends, divisors] = [valuesOf(runs, ours), valuesOf(runs, theirs)]
  return dividends === null || divisors === null
    ? { name: words, missing: missing ?? "a run lacks it" }
    : { name: words, unit: "×", runs: ratios(dividends, divisors), target }
}

const inputOf = ({ events, bytes, partitions }: EngineFacts): string =>
  `${events.toLocaleString("en-US")} observations of ${bytes.toFixed(0)} bytes on average, eight a transfer from first sight to credit, in ${partitions} partitions (lz4)`

const streamsWords =
  "Kafka Streams 4.3.1 (bench/peers/kafka-streams) folds the same topic with the same reducer under `exactly_once_v2`, a thread a core, RocksDB with changelog and caching; its clock runs from its first event to its last, without the start of its JVM."

/** Topics folded into memory. */
export const replaySection = (runs: ReadonlyArray<EngineRun>, facts: EngineFacts): Section => ({
  name: "replay",
  title: "Topics to folded state in memory",
  how: `${inputOf(facts)}. \`replayTopics\` reads, decodes under the schema, and folds; the limit is the same reading loop with nothing done. Each in a fresh process; the clock runs from the first portion until the last event is folded, or read. ${streamsWords} All come to the same rows.`,
  figures: [
    ...figure(runs, "replay", "replay, until the last event is folded"),
    ...figure(runs, "replay_handed_over", "replay, until the caller has the rows and the client is closed"),
    ...figure(runs, "raw_consume", "limit: consume only, same client"),
    ...figure(runs, "consume_parse", "limit: consume and `JSON.parse`, nothing else"),
    ...figure(runs, "json_parse", "limit: `JSON.parse` of the values, already in memory"),
    ...figure(runs, "streams", "Kafka Streams"),
  ],
  results: [
    comparison(
      runs,
      ["replay", "raw_consume"],
      "topics → folded state in memory, of raw consume",
      { least: 0.8 },
      null,
    ),
    comparison(
      runs,
      ["replay_handed_over", "raw_consume"],
      "the same, with the rows handed to the caller and the client closed",
      null,
      null,
    ),
    comparison(
      runs,
      ["replay", "consume_parse"],
      "topics → folded state in memory, of consume and `JSON.parse`",
      null,
      null,
    ),
    comparison(
      runs,
      ["replay", "streams"],
      "topics → folded state in memory, of Kafka Streams",
      { least: 3 },
      facts.streamsMissing,
    ),
  ],
  remarks: [],
})

/** Topics written to PostgreSQL. */
export const ingestSection = (runs: ReadonlyArray<EngineRun>, facts: EngineFacts): Section => ({
  name: "ingest",
  title: "Topics to evidence, leaf hashes, snapshot and checkpoint, exactly once",
  how: `${inputOf(facts)}. The history writer in a process of its own, with the limits that it has in production, from the assignment of its partitions to the commit of the last batch; PostgreSQL as it is installed (\`fsync\` on). The limit is one binary COPY of the very same evidence rows into an empty table with the same columns and indexes. ${streamsWords} Here its clock runs to the commit of the last event. Emmett 0.42.0 (bench/peers/emmett) takes the first ${facts.emmettEvents.toLocaleString("en-US")} events, a stream a transfer, ten appends at a time: one event a call, as observations come that lie minutes and hours apart; and apart from that all events that a portion of 4,000 has of a stream (up to eight) in one call. All come to the same rows.`,
  figures: [
    ...figure(runs, "ingest", "history writer"),
    ...figure(runs, "raw_copy_in", "limit: one COPY of the same rows"),
    ...figure(runs, "raw_consume", "limit: consume only, same client"),
    ...figure(runs, "streams_committed", "Kafka Streams, to its last commit"),
    ...figure(runs, "emmett_append", "Emmett: append, one event a call"),
    ...figure(
      runs,
      "emmett_append_grouped",
      "Emmett: append, all events that a portion has of a stream in one call",
    ),
    ...figure(runs, "ingest_cpu_us", "history writer: processor time an event, all threads", "µs"),
    ...figure(runs, "ingest_rss_mb", "history writer: most resident memory", "MB"),
  ],
  results: [
    comparison(
      runs,
      ["ingest", "raw_copy_in"],
      "topics → evidence + snapshot + checkpoint, of raw COPY",
      { least: 0.7 },
      null,
    ),
    comparison(
      runs,
      ["ingest", "streams_committed"],
      "topics → evidence + snapshot + checkpoint, of Kafka Streams, which writes no database",
      { least: 1 },
      facts.streamsMissing,
    ),
    comparison(
      runs,
      ["ingest", "emmett_append"],
      "topics → evidence + snapshot + checkpoint, of Emmett's append",
      { least: 10 },
      facts.emmettMissing,
    ),
    comparison(
      runs,
      ["ingest", "emmett_append_grouped"],
      "the same, of Emmett's append with all events that a portion has of a stream in one call",
      null,
      facts.emmettMissing,
    ),
  ],
  remarks: [],
})

/** The snapshot made anew from the evidence. */
export const rebuildSection = (runs: ReadonlyArray<EngineRun>, facts: EngineFacts): Section => ({
  name: "rebuild",
  title: "Evidence to rebuilt snapshot",
  how: `${facts.events.toLocaleString("en-US")} events in the evidence table. The rebuild folds them into a shadow table, indexes it, and swaps it in; told apart is one that holds each row against the live snapshot instead, and finds no difference. Both in a fresh process, from the first query to the last commit. The limit is \`COPY (SELECT payload … ORDER BY partition, offset) TO STDOUT\` with nothing done with the bytes. Emmett rebuilds its Pongo projection from ${facts.emmettEvents.toLocaleString("en-US")} events with \`rebuildPostgreSQLProjections\`, 1,000 a batch (its default of 100 is slower). All come to the same rows.`,
  figures: [
    ...figure(runs, "rebuild", "rebuild, promoted"),
    ...figure(runs, "rebuild_compared", "rebuild, compared with the live snapshot, not promoted"),
    ...figure(runs, "raw_copy_out", "limit: ordered COPY of the payloads to the client"),
    ...figure(runs, "emmett_rebuild", "Emmett: rebuild"),
  ],
  results: [
    comparison(
      runs,
      ["rebuild", "raw_copy_out"],
      "evidence → rebuilt snapshot, of raw ordered COPY",
      { least: 0.6 },
      null,
    ),
    comparison(
      runs,
      ["rebuild", "emmett_rebuild"],
      "evidence → rebuilt snapshot, of Emmett's rebuild",
      { least: 100 },
      facts.emmettMissing,
    ),
  ],
  remarks: [],
})
