import type { BenchContext } from "../bench.ts"
import { runChild } from "../engine/child.ts"
import type { Figure, Section } from "../report/section.ts"
import { type SentinelLook, sentinelTicks, tickIntervalMs } from "./sentinel-ticks.ts"
import { table } from "./table.ts"
import { ticksAnHour } from "./tick-life.ts"
import type { TickHour, TicksOrder, TicksReport } from "./ticks-process.ts"

const serviceSeconds = 60

/** Hours of ticks of the evaluator, in a process of its own, on a clock that is data; then the service, for a minute. */
export const ticks = async (context: BenchContext): Promise<Section> => {
  const { sizes, say } = context
  const order: TicksOrder = { transfers: sizes.subjects, hours: sizes.tick_hours }
  say(
    `${(order.hours * ticksAnHour).toLocaleString("en-US")} ticks over ${order.transfers.toLocaleString("en-US")} transfers`,
  )
  const report = await runChild<TicksReport>(new URL("ticks-process.ts", import.meta.url), order, {
    execArgv: ["--expose-gc"],
  })
  const looks = await sentinelTicks(context, order.transfers, serviceSeconds)
  return ticksSection(order, report, looks)
}

const words = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 0 })

const hoursTable = (hours: ReadonlyArray<TickHour>): string =>
  table(
    [
      "hour",
      "s",
      "observations",
      "transitions",
      "looked at",
      "MB of live objects",
      "most MB resident",
      "deadlines that wait",
      "at most",
      "transfers",
      "alert keys",
    ],
    hours.map((hour, index) =>
      [
        index + 1,
        hour.took_ms / 1000,
        hour.events,
        hour.alerts,
        hour.looked_at,
        hour.held_bytes / 1e6,
        hour.rss_max / 1e6,
        hour.waiting,
        hour.waiting_max,
        hour.subjects,
        hour.alert_keys,
      ].map(words),
    ),
  )

/** From this hour on every transfer that is ever late has been: what is known of each is then as much as it will be. */
const settledFrom = 3

/** The section of the report. */
export const ticksSection = (
  { transfers, hours }: TicksOrder,
  report: TicksReport,
  looks: ReadonlyArray<SentinelLook>,
): Section => {
  const half = (late: boolean): ReadonlyArray<SentinelLook> =>
    looks.filter((_, index) => index >= looks.length / 2 === late)
  const most = (late: boolean, of: (look: SentinelLook) => number): number => Math.max(...half(late).map(of))
  const serviceTicks = (looks.at(-1)?.ticks ?? 0) - (looks[0]?.ticks ?? 0)
  const settled = report.hours.slice(Math.min(settledFrom, report.hours.length - 1))
  const [first, last] = [settled[0], settled.at(-1)] as [TickHour, TickHour]
  const figure = (name: string, unit: Figure["unit"], runs: ReadonlyArray<number>): Figure => ({
    name,
    unit,
    runs,
  })
  const each = (of: (hour: TickHour) => number): ReadonlyArray<number> => report.hours.map(of)
  return {
    name: "ticks",
    title: "Hours of ticks",
    how: `The evaluator of ops-sentinel in a process of its own watches the same ${words(transfers)} transfers for ${hours} hours of its clock, which is data: ${words(hours * ticksAnHour)} ticks, one each half second. Each transfer goes from the mempool into a block and out of it, nine in ten every 50 minutes, the tenth every 90, so that it is late each time it waits. Alerts are read back, as the service does; nothing is published. What live objects take is asked after a collection of garbage. Then the service itself, with as many transfers in the mempool on real Kafka, ticks every ${tickIntervalMs} ms for ${serviceSeconds} s, and is looked at every second.`,
    figures: [
      figure(
        "a tick, with the observations before it",
        "µs",
        each(({ took_ms }) => (took_ms * 1000) / ticksAnHour),
      ),
      figure(
        "live objects",
        "MB",
        each(({ held_bytes }) => held_bytes / 1e6),
      ),
      figure(
        "most resident memory",
        "MB",
        each(({ rss_max }) => rss_max / 1e6),
      ),
      figure(
        "deadlines that wait",
        "subjects",
        each(({ waiting_max }) => waiting_max),
      ),
      figure("a transfer that is watched, as live objects of the evaluator", "bytes", [
        report.bytes_a_watched_transfer,
      ]),
      figure("a transfer that was credited, as live objects of the evaluator", "bytes", [
        report.bytes_a_credited_transfer,
      ]),
      figure("a transfer's row, as live objects", "bytes", [report.bytes_a_transfer_row]),
      figure("a deposit address' row, as live objects", "bytes", [report.bytes_a_handle_row]),
      figure("ops-sentinel: ticks that were watched", "ticks", [serviceTicks]),
      figure(
        "ops-sentinel: most resident memory, first and second half",
        "MB",
        [false, true].map((late) => most(late, ({ rss_bytes }) => rss_bytes) / 1e6),
      ),
      figure(
        "ops-sentinel: files open, first and second half",
        "files",
        [false, true].map((late) => most(late, ({ files }) => files)),
      ),
      figure(
        "ops-sentinel: offsets not read at a tick, at most",
        "messages",
        [false, true].map((late) => most(late, ({ lag }) => lag)),
      ),
    ],
    results: [
      {
        name: `live objects over hours of ticks: the last hour over the ${settledFrom + 1}th`,
        unit: "×",
        runs: [last.held_bytes / first.held_bytes],
        target: { most: 1.02 },
      },
      {
        name: "files that ops-sentinel has open while it ticks: second half over first",
        unit: "×",
        runs: [most(true, ({ files }) => files) / most(false, ({ files }) => files)],
        target: { most: 1 },
      },
      {
        name: "deadlines that wait, of transfers",
        unit: "×",
        runs: [Math.max(...each(({ waiting_max }) => waiting_max)) / transfers],
        target: { most: 1 },
      },
    ],
    remarks: [hoursTable(report.hours)],
  }
}
