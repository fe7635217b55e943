import type { Figure, Section } from "../report/section.ts"
import { table } from "./table.ts"
import type { Scenario, Shared } from "./watch-sharing.ts"

export interface SharingFacts {
  readonly events: number
  readonly bytes: number
  readonly partitions: number
}

const words = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits })

/** A scenario in words. */
export const nameOf = ({ writers, ends }: Scenario): string =>
  `${writers} ${writers === 1 ? "writer" : "writers"}${ends === "none" ? "" : `, one ${ends} in the middle`}`

const sum = (shared: Shared, of: (part: Shared["parts"][number]) => number): number =>
  shared.parts.reduce((total, part) => total + of(part), 0)

/** The section of the report. */
export const sharingSection = (
  { events, bytes, partitions }: SharingFacts,
  all: ReadonlyArray<Shared>,
): Section => {
  const rate = ({ took_ms }: Shared): number => (1000 * events) / took_ms
  const undisturbed = all.filter(({ scenario }) => scenario.ends === "none")
  const figures = undisturbed.flatMap((shared): ReadonlyArray<Figure> => {
    const name = nameOf(shared.scenario)
    return [
      { name, unit: "events/s", runs: [rate(shared)] },
      {
        name: `${name}: processor time of the writers an event`,
        unit: "µs",
        runs: [(1000 * sum(shared, ({ cpu_ms }) => cpu_ms)) / events],
      },
      {
        name: `${name}: processor time of PostgreSQL an event`,
        unit: "µs",
        runs: [(1000 * shared.postgres_cpu_ms) / events],
      },
    ]
  })
  const handovers = all.flatMap(({ scenario, handed_over }) =>
    handed_over === null
      ? []
      : [
          {
            name: `${nameOf(scenario)}: until all its partitions were written on by others`,
            unit: "s" as const,
            runs: [handed_over.all_ms / 1000],
            target: { most: 15 },
          },
        ],
  )
  return {
    name: "sharing",
    title: "History-writers that share the work",
    how: `${words(events)} observations of ${words(bytes)} bytes on average lie in ${partitions} partitions. History-writers in one consumer group are started together, each a process, on one broker and one PostgreSQL; a group of its own and an empty database each time. The clock runs from the last look before the first event is written to the last one. A writer that is stopped ends in order (SIGTERM), one that is killed does not (SIGKILL), both when 35 % are written. Each time the record is verified afterwards, against Kafka too: every event once, leaf hashes, Merkle roots and snapshots as the messages make them.`,
    figures,
    results: handovers,
    remarks: [
      table(
        [
          "run",
          "s",
          "writer",
          "partitions first",
          "partitions last",
          "events",
          "messages a batch",
          "CPU µs an event",
          "MB resident",
        ],
        all.flatMap((shared) =>
          shared.parts.map((part, index) => [
            index === 0 ? nameOf(shared.scenario) : "",
            index === 0 ? words(shared.took_ms / 1000, 1) : "",
            String(index + 1),
            String(part.partitions),
            String(part.partitions_last),
            words(part.events),
            words(part.events / part.batches),
            words((1000 * part.cpu_ms) / part.events, 1),
            words(part.rss_bytes / 1e6),
          ]),
        ),
      ),
      `Batches made again, by run: ${all.map(({ retried }) => retried).join(", ")}.`,
    ],
  }
}
