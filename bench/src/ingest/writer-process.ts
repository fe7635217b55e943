import { defaultLimits, startHistoryWriter } from "@landfall/adapters/history/history-writer"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"

// The history writer as a process of its own, so that its memory is its own: tells its parent when it has written
// as many events as it was told to expect.
const [brokers = "", databaseUrl = "", groupId = "", expected = "0"] = process.argv.slice(2)

const kafka = { brokers, clientId: "bench-writer" }
let assigned = 0
let written = 0
let batches = 0
const samples: number[] = []
const writer = await startHistoryWriter({
  kafka,
  groupId,
  topics,
  admin: openAdmin(kafka),
  database: openDatabase(databaseUrl, { applicationName: "bench-writer", role: "landfall_writer" }),
  now: Date.now,
  limits: {
    ...defaultLimits,
    batchMessagesMax: Number(process.env.B ?? 8192),
    portionMessagesMax: Number(process.env.P ?? 512),
  },
  onEvent: (event) => {
    if (event.type === "assigned") assigned = performance.now()
    if (event.type === "retrying") process.send?.({ retry: String(event.error) })
    if (event.type !== "written") return
    written += event.ingested.evidence
    batches++
    samples.push(process.memoryUsage().rss)
    if (written >= Number(expected))
      process.send?.({
        tookMs: performance.now() - assigned,
        batches,
        rssMax: Math.max(...samples),
        cpu: process.cpuUsage(),
      })
  },
})
process.on("disconnect", () => void writer.stop().finally(() => process.exit(0)))
