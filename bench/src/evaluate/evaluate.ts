import { join } from "node:path"
import { tickLoad } from "@landfall/evaluators/alerts/load"
import { defaultPolicyFile } from "@landfall/evaluators/alerts/policy"
import { tick } from "@landfall/evaluators/alerts/tick"
import type { Bench } from "../bench.ts"
import { orMissing } from "../peers/once.ts"
import { obtainPrometheus } from "../peers/prometheus.ts"
import type { Figure, Missing, Result, Section } from "../report/section.ts"
import { median, ratios } from "../report/statistics.ts"
import { serveExposition } from "./exposition.ts"
import { type RunningPrometheus, startPrometheus } from "./prometheus.ts"
import { type EventCost, eventCost } from "./queue-cost.ts"

const due = 100
/** A service that ticks twice a second has warm code after its first minute. */
const warmTicks = 50
const ticksARun = 9
const queueSizes = [1_000, 10_000, 100_000]

interface Run {
  readonly tick_ms: number
  readonly prometheus_ms: number | null
  readonly costs: ReadonlyArray<EventCost>
}

const openPrometheus = async (
  subjects: number,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<{ readonly running: RunningPrometheus; readonly version: string }> => {
  const prometheus = await obtainPrometheus()
  const window_s = defaultPolicyFile.rules.funding_seen_unconfirmed.window_ms / 1000
  const exposition = stack.use(await serveExposition(subjects, due, window_s))
  const running = await startPrometheus({
    prometheus,
    dir: join(folder, "prometheus"),
    target: exposition.address,
    window_s,
    due,
  })
  stack.defer(running.stop)
  return { running, version: prometheus.version }
}

/** A tick over many subjects beside a rule of Prometheus over as many series, and what an event costs the queue. */
export const evaluateBench: Bench = {
  covers: ["evaluate"],
  limit_s: 240,
  run: async ({ sizes, folder, say, stack }) => {
    const { subjects } = sizes
    say("Prometheus: fetched once, then started")
    const opened = await orMissing(openPrometheus(subjects, folder, stack))
    const load = tickLoad(subjects, due)
    const timedTick = (): number => {
      const began_ms = performance.now()
      const { alerts, looked_at } = tick(load.state, load.input)
      const took_ms = performance.now() - began_ms
      if (alerts.length !== due || looked_at !== due)
        throw new Error(`the tick raised ${alerts.length} alerts and looked at ${looked_at}, not ${due}`)
      return took_ms
    }
    for (let warm = 0; warm < warmTicks; warm++) timedTick()
    const runs: Run[] = []
    let rss_bytes = 0
    for (let run = 0; run < sizes.runs; run++) {
      const evaluation = "peer" in opened ? await opened.peer.running.evaluation() : null
      if (evaluation !== null && evaluation.firing !== due)
        throw new Error(`Prometheus had ${evaluation.firing} alerts firing, not ${due}`)
      rss_bytes = Math.max(rss_bytes, evaluation?.rss_bytes ?? 0)
      const tick_ms = median(Array.from({ length: ticksARun }, timedTick))
      const costs = queueSizes.map((size) => eventCost(size, 20_000))
      runs.push({ tick_ms, prometheus_ms: evaluation?.took_ms ?? null, costs })
      say(
        `tick ${tick_ms.toFixed(3)} ms, Prometheus ${evaluation?.took_ms.toFixed(0) ?? "–"} ms, an event ${costs.map(({ took_us }) => took_us.toFixed(1)).join(", ")} µs`,
      )
    }
    return [sectionOf(subjects, runs, "missing" in opened ? opened.missing : opened.peer.version, rss_bytes)]
  },
}

const costFigures = (runs: ReadonlyArray<Run>): ReadonlyArray<Figure> =>
  queueSizes.flatMap((size, index): ReadonlyArray<Figure> => {
    const costs = runs.map((run) => run.costs[index] as EventCost)
    const name = `an event while ${size.toLocaleString("en-US")} subjects wait`
    return [
      { name, unit: "µs", runs: costs.map(({ took_us }) => took_us) },
      {
        name: `${name}: items moved in the queue, on average`,
        unit: "moves",
        runs: costs.map(({ moves }) => moves),
      },
      {
        name: `${name}: items moved by one event at most`,
        unit: "moves",
        runs: costs.map(({ moves_max }) => moves_max),
      },
    ]
  })

/** Items moved for one event with the most subjects: never more than the heap has levels. */
const growth = (runs: ReadonlyArray<Run>): Result => {
  const most = queueSizes.at(-1) as number
  const levels = Math.floor(Math.log2(most)) + 1
  return {
    name: `an event's effect on the queue, ${most.toLocaleString("en-US")} subjects: most items moved by one event (levels of the heap: ${levels})`,
    unit: "moves",
    runs: runs.map(({ costs }) => costs.at(-1)?.moves_max ?? Number.NaN),
    target: { most: levels },
  }
}

const sectionOf = (
  subjects: number,
  runs: ReadonlyArray<Run>,
  versionOrMissing: string,
  rss_bytes: number,
): Section => {
  const count = subjects.toLocaleString("en-US")
  const ticks = runs.map(({ tick_ms }) => tick_ms)
  const rule = runs.flatMap(({ prometheus_ms }) => (prometheus_ms === null ? [] : [prometheus_ms]))
  const compared = `a tick over ${count} open transfers, ${due} due, is faster than Prometheus' rule over as many series`
  const result: Result | Missing =
    rule.length === runs.length
      ? { name: compared, unit: "×", runs: ratios(rule, ticks), target: { least: 100 } }
      : { name: compared, missing: versionOrMissing }
  const peer: ReadonlyArray<Figure> =
    rule.length === runs.length
      ? [
          { name: `Prometheus ${versionOrMissing}: one evaluation of one rule`, unit: "ms", runs: rule },
          { name: "Prometheus: resident memory", unit: "MB", runs: [rss_bytes / 1e6] },
        ]
      : []
  return {
    name: "evaluate",
    title: "A tick of the alert evaluator",
    how: `The evaluator of ops-sentinel holds ${count} transfers that are seen and not mined; ${due} are past their window. A tick decides them (the alerts are made, not published; each figure is the median of ${ticksARun} ticks). Prometheus scrapes as many series and evaluates one alerting rule, \`time() - funding_first_seen_timestamp_seconds > window\`, with the same ${due} firing; its time is its own \`prometheus_rule_group_last_duration_seconds\`. Configuration: bench/peers/prometheus. For the cost of an event, 20,000 events that change a deadline are folded while 1,000, 10,000 and 100,000 transfers wait.`,
    figures: [{ name: "tick", unit: "ms", runs: ticks }, ...peer, ...costFigures(runs)],
    results: [result, growth(runs)],
    remarks: [],
  }
}
