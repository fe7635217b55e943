import { parseArgs } from "node:util"

/** How much of everything is measured. */
export interface Sizes {
  /** Alternating runs of each comparison. */
  readonly runs: number
  /** Events in the topic that is replayed, ingested and rebuilt. */
  readonly events: number
  /** Events given to Emmett, which takes them one stream at a time. */
  readonly emmett_events: number
  /** Open transfers, and series of Prometheus, at a tick. */
  readonly subjects: number
  /** Failed trades whose alerts are timed. */
  readonly alerts: number
  /** Addresses watched in the larger poll; the smaller one watches 100. */
  readonly handles: number
  /** Deposits whose way from broadcast to PostgreSQL is timed. */
  readonly deposits: number
  /** How long events come at 2,000 a second. */
  readonly freshness_s: number
  /** Events replayed to see that memory stays flat. */
  readonly memory_events: number
  /** Events written to see what grows with them. */
  readonly load_events: number
  /** Transfers that are under way side by side among them: more than the writer keeps rows, and it reads them again. */
  readonly load_open: number
  /** Deposit addresses whose rows are measured. */
  readonly load_handles: number
  /** `shared_buffers` and `max_wal_size` of PostgreSQL under that load. */
  readonly load_buffers_mb: number
  readonly load_wal_mb: number
  /** How long the evaluator ticks on a clock that is data. */
  readonly tick_hours: number
  /** Events that history writers share. */
  readonly share_events: number
}

const fullSizes: Sizes = {
  runs: 5,
  events: 300_000,
  emmett_events: 8_000,
  subjects: 100_000,
  alerts: 300,
  handles: 10_000,
  deposits: 50,
  freshness_s: 15,
  memory_events: 1_000_000,
  load_events: 5_000_000,
  load_open: 500,
  load_handles: 100_000,
  load_buffers_mb: 128,
  load_wal_mb: 1_024,
  tick_hours: 8,
  share_events: 200_000,
}

/** Enough to see that everything works, in under three minutes on a quiet machine; too little to tell a ratio by. */
const quickSizes: Sizes = {
  runs: 2,
  events: 60_000,
  emmett_events: 1_600,
  subjects: 100_000,
  alerts: 50,
  handles: 1_000,
  deposits: 8,
  freshness_s: 8,
  memory_events: 300_000,
  load_events: 300_000,
  load_open: 500,
  load_handles: 10_000,
  load_buffers_mb: 128,
  load_wal_mb: 1_024,
  tick_hours: 4,
  share_events: 100_000,
}

/** The benchmarks by the words that ask for them, in the order in which they run. */
export const benchNames = [
  "replay",
  "ingest",
  "rebuild",
  "memory",
  "freshness",
  "evaluate",
  "alert",
  "observe",
  "latency",
  "load",
  "ticks",
  "sharing",
] as const
export type BenchName = (typeof benchNames)[number]

/** Those that take minutes each and say how it scales: they run only when they are asked for. */
const onlyWhenAsked: ReadonlyArray<BenchName> = ["load", "ticks", "sharing"]

/** What is to be measured, and where the report goes (null: to the terminal only). */
export interface Settings {
  readonly names: ReadonlyArray<BenchName>
  readonly sizes: Sizes
  readonly quick: boolean
  readonly report: string | null
}

const flags = {
  runs: "runs",
  events: "events",
  "emmett-events": "emmett_events",
  subjects: "subjects",
  alerts: "alerts",
  handles: "handles",
  deposits: "deposits",
  "freshness-s": "freshness_s",
  "memory-events": "memory_events",
  "load-events": "load_events",
  "load-open": "load_open",
  "load-handles": "load_handles",
  "load-buffers-mb": "load_buffers_mb",
  "load-wal-mb": "load_wal_mb",
  "tick-hours": "tick_hours",
  "share-events": "share_events",
} as const satisfies Record<string, keyof Sizes>

export const usage = `usage: npm run bench -- [${benchNames.join(" | ")}]… [--quick] [--report FILE]
       ${Object.keys(flags)
         .map((flag) => `[--${flag} N]`)
         .join(" ")}
Without a name everything is measured but ${onlyWhenAsked.join(", ")}, and without --quick the report is written to bench/REPORT.md.`

/** Reads the command line; throws with all that is wrong with it. */
export const readSettings = (args: ReadonlyArray<string>, reportOfAll: string): Settings => {
  const number = { type: "string" } as const
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...Object.fromEntries(Object.keys(flags).map((flag) => [flag, number])),
      quick: { type: "boolean", default: false },
      report: { type: "string" },
    },
  })
  const problems: string[] = []
  const names = positionals.filter((name): name is BenchName => benchNames.some((known) => known === name))
  for (const name of positionals)
    if (!benchNames.some((known) => known === name)) problems.push(`there is no benchmark ${name}`)
  const given: Partial<Record<keyof Sizes, number>> = {}
  for (const [flag, size] of Object.entries(flags)) {
    const text = (values as Readonly<Record<string, unknown>>)[flag]
    if (text === undefined) continue
    if (typeof text === "string" && /^[1-9]\d{0,8}$/.test(text)) given[size] = Number(text)
    else problems.push(`--${flag} takes a whole number from 1 on, not ${String(text)}`)
  }
  if (problems.length > 0) throw new Error(problems.join("; "))
  const quick = values.quick === true
  const all = names.length === 0
  const report = typeof values.report === "string" ? values.report : all && !quick ? reportOfAll : null
  return {
    names: all
      ? benchNames.filter((name) => !onlyWhenAsked.includes(name))
      : benchNames.filter((name) => names.includes(name)),
    sizes: { ...(quick ? quickSizes : fullSizes), ...given },
    quick,
    report,
  }
}
