import type { Metrics } from "@landfall/adapters/metrics/metrics"
import { ObserverState } from "@landfall/domain/topics/funding-observation"
import { Counter, Gauge, Histogram } from "@prometheus-io/client"
import type { BridgeWatch } from "./bridge-watch.ts"
import type { Round } from "./manager.ts"
import type { PausableObserver } from "./pause.ts"
import type { PartitionLag } from "./tail.ts"

/** What the metrics are read from when they are asked for. */
export interface Measured {
  readonly observers: ReadonlyArray<PausableObserver>
  readonly bridge: Pick<BridgeWatch, "status">
  readonly lags: () => ReadonlyArray<PartitionLag>
  readonly now: () => number
}

/** Registers the manager's metrics and returns what feeds them. */
export const managerMetrics = (registry: Metrics, { observers, bridge, lags, now }: Measured) => {
  const registers = [registry]
  const published = new Counter({
    name: "landfall_funding_observations_published_total",
    help: "Funding observations published, by status.",
    labelNames: ["status"],
    registers,
  })
  const took = new Histogram({
    name: "landfall_round_seconds",
    help: "How long it took to look, decide and publish.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15],
    registers,
  })
  new Gauge({
    name: "landfall_funding_observer_state",
    help: "1 for the state that the observer of a chain is in, 0 for the others.",
    labelNames: ["chain", "state"],
    registers,
    collect() {
      for (const observer of observers) {
        const { state } = observer.status().health
        for (const known of ObserverState.literals)
          this.set({ chain: observer.chain, state: known }, known === state ? 1 : 0)
      }
    },
  })
  const age = (name: string, help: string, atOf: (observer: PausableObserver) => string | null) =>
    new Gauge({
      name,
      help,
      labelNames: ["chain"],
      registers,
      collect() {
        this.reset()
        for (const observer of observers) {
          const at = atOf(observer)
          if (at !== null) this.set({ chain: observer.chain }, Math.max(0, now() - Date.parse(at)) / 1000)
        }
      },
    })
  age(
    "landfall_funding_observer_tip_age_seconds",
    "Age of the newest block that the observer of a chain knows; absent before the first.",
    (observer) => observer.status().health.tip_at,
  )
  age(
    "landfall_funding_observer_age_seconds",
    "Age of the observer's last good answer; absent before the first.",
    (observer) => observer.status().last_success_at,
  )
  new Gauge({
    name: "landfall_lag_messages",
    help: "Messages of its own topics that Kafka has and that were not read.",
    labelNames: ["topic", "partition"],
    registers,
    collect() {
      this.reset()
      for (const { topic, partition, lag } of lags()) this.set({ topic, partition: String(partition) }, lag)
    },
  })
  new Gauge({
    name: "landfall_bridge_healthy",
    help: "1 while the bridge answers.",
    registers,
    collect() {
      this.set(bridge.status().healthy ? 1 : 0)
    },
  })
  return ({ observations, tookMs }: Round): void => {
    took.observe(tookMs / 1000)
    for (const { status } of observations) published.inc({ status })
  }
}
