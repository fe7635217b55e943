import type { HistoryWriter, HistoryWriterEvent } from "@landfall/adapters/history/history-writer"
import type { Metrics } from "@landfall/adapters/metrics/metrics"
import { Counter, Gauge, Histogram } from "@prometheus-io/client"

/** Registers the writer's metrics and returns what feeds them. */
export const writerMetrics = (registry: Metrics, writer: () => Pick<HistoryWriter, "partitions">) => {
  const registers = [registry]
  const messages = new Counter({
    name: "landfall_messages_written_total",
    help: "Messages written to PostgreSQL, by what became of them.",
    labelNames: ["outcome"],
    registers,
  })
  const took = new Histogram({
    name: "landfall_batch_seconds",
    help: "How long the transaction of one batch took.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  })
  const retries = new Counter({
    name: "landfall_batches_retried_total",
    help: "Attempts that failed and were made again from the checkpoint.",
    registers,
  })
  new Gauge({
    name: "landfall_lag_messages",
    help: "Messages that Kafka has and the evidence has not.",
    labelNames: ["topic", "partition"],
    registers,
    collect() {
      this.reset()
      for (const { topic, partition, lag } of writer().partitions())
        if (lag !== null) this.set({ topic, partition: String(partition) }, lag)
    },
  })
  return (event: HistoryWriterEvent): void => {
    if (event.type === "retrying") retries.inc()
    if (event.type !== "written") return
    messages.inc({ outcome: "evidence" }, event.ingested.evidence)
    messages.inc({ outcome: "duplicate" }, event.ingested.duplicates)
    messages.inc({ outcome: "dead_letter" }, event.ingested.deadLetters)
    took.observe(event.tookMs / 1000)
  }
}

/** Registers how many dead letters are open; while PostgreSQL does not answer there is no number rather than an old one. */
export const openLetterMetrics = (
  registry: Metrics,
  countOpen: () => Promise<ReadonlyMap<string, number>>,
): void => {
  new Gauge({
    name: "landfall_dead_letters_open",
    help: "Dead letters that were neither retried nor dismissed; absent while PostgreSQL does not answer.",
    labelNames: ["topic"],
    registers: [registry],
    async collect() {
      const open = await countOpen().catch(() => new Map<string, number>())
      this.reset()
      for (const [topic, letters] of open) this.set({ topic }, letters)
    },
  })
}
