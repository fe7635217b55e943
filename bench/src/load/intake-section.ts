import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import type { Figure, Section } from "../report/section.ts"
import type { Sizes } from "../settings.ts"
import { table } from "./table.ts"
import type { Relation } from "./table-sizes.ts"
import { perEvent, rateOf, type Tenth, tenthsOf } from "./tenths.ts"
import type { WriterLook } from "./watch-writer.ts"

/** What was seen of millions of events on their way into PostgreSQL. */
export interface Intake {
  readonly sizes: Sizes
  readonly partitions: number
  /** Bytes of a value on average. */
  readonly bytes: number
  readonly looks: ReadonlyArray<WriterLook>
  readonly relations: ReadonlyArray<Relation>
  /** The same when only the handles were there. */
  readonly handleRelations: ReadonlyArray<Relation>
  readonly transfers: number
  readonly verify_ms: number
}

type Step = Tenth<WriterLook>

const most = (step: Step, of: (look: WriterLook) => number): number => Math.max(...step.looks.map(of))
const words = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits })

/** One column of the table of tenths. */
const columns: ReadonlyArray<readonly [name: string, of: (step: Step) => string]> = [
  ["events written", ({ to }) => words(to.written)],
  ["events/s", (step) => words(rateOf(step))],
  ["writer, CPU µs an event", (step) => words(1000 * perEvent(step, ({ cpu_ms }) => cpu_ms), 1)],
  ["PostgreSQL, CPU µs an event", (step) => words(1000 * perEvent(step, (look) => look.postgres_cpu_ms), 1)],
  ["Kafka, CPU µs an event", (step) => words(1000 * perEvent(step, (look) => look.broker_cpu_ms), 1)],
  ["writer, most MB resident", (step) => words(most(step, ({ rss_bytes }) => rss_bytes) / 1e6)],
  ["writer, most MB of heap", (step) => words(most(step, ({ heap_bytes }) => heap_bytes) / 1e6)],
  ["open files, at most", (step) => words(most(step, ({ files }) => files))],
  ["messages a batch", ({ from, to }) => words((to.written - from.written) / (to.batches - from.batches))],
  ["WAL bytes an event", (step) => words(perEvent(step, ({ wal_bytes }) => wal_bytes))],
  [
    "whole pages in WAL, an event",
    (step) =>
      words(
        perEvent(step, ({ wal_pages }) => wal_pages),
        3,
      ),
  ],
  [
    "pages read of the index of ids, an event",
    (step) =>
      words(
        perEvent(step, (look) => look.id_index_reads),
        3,
      ),
  ],
  [
    "of other indexes",
    (step) =>
      words(
        perEvent(step, (look) => look.other_index_reads),
        3,
      ),
  ],
  [
    "of tables",
    (step) =>
      words(
        perEvent(step, (look) => look.table_reads),
        3,
      ),
  ],
  ["checkpoints", ({ from, to }) => words(to.checkpoints - from.checkpoints)],
  ["vacuums ended", ({ from, to }) => words(to.vacuums - from.vacuums)],
]

/** The way in tenths, one line each. */
const tenthsTable = (steps: ReadonlyArray<Step>): string =>
  table(
    columns.map(([name]) => name),
    steps.map((step) => columns.map(([, of]) => of(step))),
  )

const isOf = (name: string) => (relation: Relation) => relation.name === name || relation.of === name
const bytesOf = (relations: ReadonlyArray<Relation>): number =>
  relations.reduce((sum, { bytes }) => sum + bytes, 0)

/** What tables and indexes take, and how much that is for each of what they hold. */
const sizesTable = (
  relations: ReadonlyArray<Relation>,
  holds: (relation: Relation) => readonly [count: number, what: string] | null,
): string =>
  table(
    ["table or index", "MB", "bytes", "an"],
    relations.flatMap((relation) => {
      const held = holds(relation)
      if (held === null) return []
      const name = relation.of === null ? relation.name : `— ${relation.name}`
      return [[name, words(relation.bytes / 1e6, 1), words(relation.bytes / held[0], 1), held[1]]]
    }),
  )

/** The section of the report. */
export const intakeSection = (measured: Intake): Section => {
  const { sizes, looks, relations, handleRelations, transfers } = measured
  const { load_events: events, load_handles: handles } = sizes
  const steps = tenthsOf(looks, events)
  const [first, last] = [steps[0], steps.at(-1)] as [Step, Step]
  const whole = { from: first.from, to: last.to }
  const evidence = relations.filter(isOf(fundingObservationTopic.evidenceTable))
  const snapshot = relations.filter(isOf("funding_transfer_snapshot"))
  const half = (late: boolean): number =>
    Math.max(...steps.slice(late ? 5 : 0, late ? 10 : 5).map((step) => most(step, (look) => look.rss_bytes)))
  const figure = (name: string, unit: Figure["unit"], ...runs: ReadonlyArray<number>): Figure => ({
    name,
    unit,
    runs,
  })
  return {
    name: "load",
    title: "Millions of events into PostgreSQL",
    how: `${words(events)} observations of ${words(measured.bytes)} bytes on average, eight a transfer, ${words(sizes.load_open)} transfers side by side, lie in ${measured.partitions} partitions when the real history-writer is started; it is looked at every second. PostgreSQL has ${sizes.load_buffers_mb} MB of shared buffers and ${words(sizes.load_wal_mb)} MB of max_wal_size, and is else as it is installed (\`fsync\` on). Before, ${words(handles)} deposit addresses were written. Afterwards the record is verified: every event once, all leaf hashes, Merkle roots and snapshot rows as the messages make them.`,
    figures: [
      figure("all of it", "events/s", rateOf(whole)),
      figure("a tenth of it", "events/s", ...steps.map(rateOf)),
      figure("history-writer: processor time an event", "µs", 1000 * perEvent(whole, ({ cpu_ms }) => cpu_ms)),
      figure(
        "PostgreSQL: processor time an event",
        "µs",
        1000 * perEvent(whole, (look) => look.postgres_cpu_ms),
      ),
      figure("Kafka: processor time an event", "µs", 1000 * perEvent(whole, (look) => look.broker_cpu_ms)),
      figure("evidence with its indexes, an event", "bytes", bytesOf(evidence) / events),
      figure("snapshot with its indexes, a transfer", "bytes", bytesOf(snapshot) / transfers),
      figure(
        "files open, first tenth",
        "files",
        most(first, ({ files }) => files),
      ),
      figure(
        "files open, last tenth",
        "files",
        most(last, ({ files }) => files),
      ),
      figure(
        "messages a batch, which waited for PostgreSQL together",
        "messages",
        ...steps.map(({ from, to }) => (to.written - from.written) / (to.batches - from.batches)),
      ),
      figure("most resident memory in the first half", "MB", half(false) / 1e6),
      figure("most resident memory in the second half", "MB", half(true) / 1e6),
      figure("batches made again", "messages", last.to.retried),
      figure("verifying it all", "s", measured.verify_ms / 1000),
      figure("verifying: rate", "events/s", (1000 * (events + handles)) / measured.verify_ms),
    ],
    results: [
      {
        name: `memory of the history-writer over ${words(events)} events: second half over first`,
        unit: "×",
        runs: [half(true) / half(false)],
        target: { most: 1.1 },
      },
      {
        name: "rate in the last tenth, of the first",
        unit: "×",
        runs: [rateOf(last) / rateOf(first)],
        target: null,
      },
    ],
    remarks: [
      tenthsTable(steps),
      sizesTable(relations, (relation) => {
        if (isOf(fundingObservationTopic.evidenceTable)(relation)) return [events, "event"]
        return isOf("funding_transfer_snapshot")(relation) ? [transfers, "transfer"] : null
      }),
      sizesTable(handleRelations, (relation) =>
        isOf(liquidityActionTopic.evidenceTable)(relation) || isOf("funding_handle_snapshot")(relation)
          ? [handles, "handle"]
          : null,
      ),
    ],
  }
}
