import { setTimeout as sleep } from "node:timers/promises"
import type { RunningService } from "@landfall/sandbox/stack/services"
import type { Sql } from "postgres"
import { clusterCpuMs, metricOf, type ProcessSample, processSample } from "./process-sample.ts"
import { type ServerWork, serverWork } from "./table-sizes.ts"
import type { Look } from "./tenths.ts"

/** How a history-writer and what it works with stood at one moment. */
export interface WriterLook extends Look, ProcessSample, ServerWork {
  readonly heap_bytes: number
  readonly batches: number
  /** Messages that Kafka has and the evidence has not. */
  readonly lag: number
  readonly retried: number
  readonly postgres_cpu_ms: number
  readonly broker_cpu_ms: number
}

export interface Watched {
  readonly writer: RunningService
  readonly sql: Sql
  readonly postgres: number
  readonly broker: number
  readonly idIndex: string
}

const lookMs = 1_000
/** Near the ends, where one look more or less would make a tenth longer or shorter than it was. */
const nearMs = 50
const nearShare = 0.02

const metricsOf = async (writer: RunningService): Promise<string> =>
  (await fetch(`${writer.url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text()

const look = async ({ writer, sql, postgres, broker, idIndex }: Watched): Promise<WriterLook> => {
  const [metrics, process, postgres_cpu_ms, kafka, work] = await Promise.all([
    metricsOf(writer),
    processSample(writer.process.pid),
    clusterCpuMs(postgres),
    processSample(broker),
    serverWork(sql, idIndex),
  ])
  return {
    ...process,
    ...work,
    at_ms: performance.now(),
    written: metricOf(metrics, "landfall_messages_written_total", 'outcome="evidence"'),
    heap_bytes: metricOf(metrics, "nodejs_heap_size_used_bytes"),
    batches: metricOf(metrics, "landfall_batch_seconds_count"),
    lag: metricOf(metrics, "landfall_lag_messages"),
    retried: metricOf(metrics, "landfall_batches_retried_total"),
    postgres_cpu_ms,
    broker_cpu_ms: kafka.cpu_ms,
  }
}

/** Looks at the writer about once a second until it has written so many events; gives all looks. */
export const watchWriter = async (
  watched: Watched,
  events: number,
  onLook: (look: WriterLook) => void,
): Promise<ReadonlyArray<WriterLook>> => {
  const looks: WriterLook[] = []
  let ended = false
  void watched.writer.process.exited.then(() => {
    ended = true
  })
  for (;;) {
    const now = await look(watched).catch((cause: unknown) => {
      throw ended ? new Error(`history-writer ended: see ${watched.writer.log}`, { cause }) : cause
    })
    looks.push(now)
    onLook(now)
    if (now.written >= events) return looks
    const near = now.written < events * nearShare || now.written > events * (1 - nearShare)
    await sleep(near ? nearMs : lookMs)
  }
}
