import { defaultLimits, startHistoryWriter } from "@landfall/adapters/history/history-writer"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { serveChild } from "./child.ts"

/** What to write where, and how many events are to be expected. */
export interface WriterOrder {
  readonly brokers: string
  readonly databaseUrl: string
  readonly group: string
  readonly events: number
}

export interface WriterReport {
  /** From the moment the partitions were assigned to the end of the last transaction. */
  readonly took_ms: number
  readonly batches: number
  readonly rss_max: number
  /** Of this process, all threads, from start to end. */
  readonly cpu_ms: number
}

// The history writer as a process of its own, with the limits that it has in production.
serveChild(async ({ brokers, databaseUrl, group, events }: WriterOrder): Promise<WriterReport> => {
  const kafka = { brokers, clientId: "bench-writer" }
  const admin = openAdmin(kafka)
  const database = openDatabase(databaseUrl, { applicationName: "bench-writer", role: "landfall_writer" })
  const written = Promise.withResolvers<WriterReport>()
  let assigned_ms = 0
  let evidence = 0
  let batches = 0
  let rss_max = 0
  const writer = await startHistoryWriter({
    kafka,
    groupId: group,
    topics,
    admin,
    database,
    now: Date.now,
    limits: defaultLimits,
    onEvent: (event) => {
      if (event.type === "assigned" && event.partitions.length > 0) assigned_ms = performance.now()
      if (event.type === "stopped") written.reject(event.error)
      if (event.type === "retrying") process.stderr.write(`  the writer retried: ${event.error}\n`)
      if (event.type !== "written") return
      evidence += event.ingested.evidence
      batches++
      rss_max = Math.max(rss_max, process.memoryUsage.rss())
      if (evidence < events) return
      const { user, system } = process.cpuUsage()
      written.resolve({
        took_ms: performance.now() - assigned_ms,
        batches,
        rss_max,
        cpu_ms: (user + system) / 1000,
      })
    },
  })
  const report = await written.promise
  await writer.stop()
  await database.close()
  admin.close()
  return report
})
