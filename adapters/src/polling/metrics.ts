import { Counter, Gauge, Histogram } from "@prometheus-io/client"
import type { Metrics } from "../metrics/metrics.ts"
import type { PollingEvent, PollingPublisher } from "./polling-publisher.ts"
import type { Source } from "./source.ts"

const buckets = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 30]

/** Registers the metrics of polls and of the sources that they ask, and returns what feeds them. */
export const pollingMetrics = (
  registry: Metrics,
  sources: ReadonlyArray<Pick<Source<unknown>, "name" | "health">>,
  publisher: () => Pick<PollingPublisher<unknown>, "status"> | null,
) => {
  const registers = [registry]
  const polls = new Counter({
    name: "landfall_polls_total",
    help: "Polls of the outside, by whether all that was asked answered.",
    labelNames: ["outcome"],
    registers,
  })
  const pollTook = new Histogram({
    name: "landfall_poll_seconds",
    help: "How long one poll took.",
    buckets,
    registers,
  })
  new Gauge({
    name: "landfall_source_up",
    help: "1 when the source answers with fresh news, 0 when it is down or stale.",
    labelNames: ["source"],
    registers,
    collect() {
      for (const { name, health } of sources) this.set({ source: name }, health().state === "ok" ? 1 : 0)
    },
  })
  new Gauge({
    name: "landfall_source_age_seconds",
    help: "Age of the source's last good answer; absent before the first.",
    labelNames: ["source"],
    registers,
    collect() {
      this.reset()
      for (const { name, health } of sources) {
        const { age_ms } = health()
        if (age_ms !== null) this.set({ source: name }, age_ms / 1000)
      }
    },
  })
  new Gauge({
    name: "landfall_paused",
    help: "1 while an operator has paused the service.",
    registers,
    collect() {
      this.set(publisher()?.status().paused_since_ms == null ? 0 : 1)
    },
  })
  return (event: PollingEvent): void => {
    if (event.type === "polled" || event.type === "poll_failed") {
      polls.inc({ outcome: event.type === "polled" ? "answered" : "failed" })
      pollTook.observe(event.took_ms / 1000)
    }
  }
}
