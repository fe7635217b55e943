import { Histogram } from "@prometheus-io/client"
import type { OnCall } from "../net/outgoing-call.ts"
import type { Metrics } from "./metrics.ts"

/** Registers the histogram of outgoing calls and returns what feeds it; its count by outcome is the error rate. */
export const outgoingCallMetrics = (registry: Metrics): OnCall => {
  const seconds = new Histogram({
    name: "landfall_outgoing_call_seconds",
    help: "How long calls to other systems took, by what came of them: answered, or why there was no usable answer.",
    labelNames: ["source", "outcome"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registers: [registry],
  })
  return ({ source, outcome, took_ms }) => seconds.observe({ source, outcome }, took_ms / 1000)
}
