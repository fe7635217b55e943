import type { Metrics } from "@landfall/adapters/metrics/metrics"
import { AlertCode } from "@landfall/domain/topics/alert"
import { activeAlerts } from "@landfall/evaluators/alerts/views"
import { Counter, Gauge, Histogram } from "@prometheus-io/client"
import type { Sentinel, Turn } from "./sentinel.ts"

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

/** Registers the sentinel's metrics and returns what feeds them. */
export const sentinelMetrics = (registry: Metrics, sentinel: () => Sentinel | null) => {
  const registers = [registry]
  const ticks = new Counter({
    name: "landfall_ticks_total",
    help: "Ticks, by whether everything was read to its end.",
    labelNames: ["outcome"],
    registers,
  })
  const took = new Histogram({
    name: "landfall_tick_seconds",
    help: "How long it took to read, evaluate and publish.",
    buckets,
    registers,
  })
  const late = new Histogram({
    name: "landfall_tick_lateness_seconds",
    help: "How much later than planned a tick began.",
    buckets,
    registers,
  })
  const lookedAt = new Counter({
    name: "landfall_subjects_evaluated_total",
    help: "Subjects that were due at a tick: what ticks cost.",
    registers,
  })
  const published = new Counter({
    name: "landfall_alert_transitions_total",
    help: "Transitions published, by code and status.",
    labelNames: ["code", "status"],
    registers,
  })
  new Gauge({
    name: "landfall_active_alerts",
    help: "Alerts that are raised now, by code.",
    labelNames: ["code"],
    registers,
    collect() {
      const state = sentinel()?.state() ?? null
      const active = state === null ? [] : activeAlerts(state)
      for (const code of AlertCode.literals)
        this.set({ code }, active.filter(({ alert_code }) => alert_code === code).length)
    },
  })
  new Gauge({
    name: "landfall_lag_messages",
    help: "Offsets that Kafka had at the latest tick and that were not read.",
    labelNames: ["topic", "partition"],
    registers,
    collect() {
      this.reset()
      const state = sentinel()?.state() ?? null
      for (const [topic, partitions] of Object.entries(sentinel()?.ends() ?? {}))
        for (const [partition, end] of Object.entries(partitions))
          this.set(
            { topic, partition },
            Math.max(0, end - (state?.next.get(topic)?.get(Number(partition)) ?? 0)),
          )
    },
  })
  new Gauge({
    name: "landfall_paused",
    help: "1 while an operator has paused the service.",
    registers,
    collect() {
      this.set((sentinel()?.paused_since_ms() ?? null) === null ? 0 : 1)
    },
  })
  return ({ alerts, caught_up, late_ms, looked_at, took_ms }: Turn): void => {
    ticks.inc({ outcome: caught_up ? "evaluated" : "lagging" })
    took.observe(took_ms / 1000)
    late.observe(late_ms / 1000)
    lookedAt.inc(looked_at)
    for (const { alert_code, status } of alerts) published.inc({ code: alert_code, status })
  }
}
