import { Gauge } from "@prometheus-io/client"
import type { Metrics } from "./metrics.ts"

/** Registers how far the machine's clock was moved; `skewMs` is asked whenever somebody looks. */
export const clockMetrics = (registry: Metrics, skewMs: () => number): void => {
  new Gauge({
    name: "landfall_clock_skew_seconds",
    help: "How far this machine's clock is ahead of the steady one that deadlines go by; 0 unless it was moved by more than a second.",
    registers: [registry],
    collect() {
      this.set(skewMs() / 1000)
    },
  })
}
