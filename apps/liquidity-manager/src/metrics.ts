import type { Metrics } from "@landfall/adapters/metrics/metrics"
import { ObserverState } from "@landfall/domain/topics/funding-observation"
import { Counter, Gauge, Histogram } from "@prometheus-io/client"
import type { BridgeWatch } from "./bridge-watch.ts"
import type { Round } from "./manager.ts"
import type { PausableObserver } from "./pause.ts"

/** Registers the manager's metrics and returns what feeds them. */
export const managerMetrics = (
  registry: Metrics,
  observers: ReadonlyArray<PausableObserver>,
  bridge: BridgeWatch,
) => {
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
