import { Counter, Histogram } from "@prometheus-io/client"
import type { TransactionalPublisher } from "../kafka/publisher.ts"
import type { Metrics } from "./metrics.ts"

/** Registers the metrics of a service's publications, and returns what measures a publisher. */
export const publishingMetrics = (registry: Metrics) => {
  const registers = [registry]
  const published = new Counter({
    name: "landfall_records_published_total",
    help: "Records committed to Kafka.",
    registers,
  })
  const took = new Histogram({
    name: "landfall_publish_seconds",
    help: "How long one transaction took, from its beginning to the answer to its commit.",
    buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers,
  })
  const failed = new Counter({
    name: "landfall_publish_failures_total",
    help: "Transactions that failed, and attempts to take the transactional id.",
    registers,
  })
  const counted = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      failed.inc()
      throw error
    }
  }
  return (publisher: TransactionalPublisher): TransactionalPublisher => ({
    open: () => counted(publisher.open),
    publish: async (messages) => {
      const began_ms = performance.now()
      await counted(() => publisher.publish(messages))
      took.observe((performance.now() - began_ms) / 1000)
      published.inc(messages.length)
    },
    close: publisher.close,
  })
}
