import { fork } from "node:child_process"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { openConsumer } from "@landfall/adapters/kafka/consumer"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import { observations } from "../observations.ts"

/** What one run measured, in events a second unless the name says otherwise. */
export interface IngestRun {
  readonly consume: number
  readonly copy: number
  readonly ingest: number
  readonly batches: number
  readonly rss_bytes_max: number
}

const partitions = 4
const folder = fileURLToPath(new URL("../../../.sandbox/bench/", import.meta.url))
const table = fundingObservationTopic.evidenceTable

/**
 * Takes the same events from Kafka into evidence, leaf hashes, snapshot and checkpoint, beside the two limits on the same
 * machine in the same minute: how fast the same client only consumes them, and how fast PostgreSQL takes the very same rows
 * into the very same indexed table by one COPY.
 */
export const benchIngest = async (
  events: number,
  runs: number,
  report: (line: string) => void,
): Promise<IngestRun[]> => {
  await rm(folder, { recursive: true, force: true })
  const [kafka, postgres] = await Promise.all([
    startKafka({ dir: join(folder, "kafka") }),
    startPostgres({ dir: join(folder, "postgres") }),
  ])
  try {
    const connection: KafkaConnection = { brokers: kafka.brokers, clientId: "bench" }
    const bytes = await produce(connection, events)
    report(
      `${events} events of ${(bytes / events).toFixed(0)} bytes on average, ${partitions} partitions, 8 a transfer`,
    )
    const measured: IngestRun[] = []
    for (let run = 0; run < runs; run++) {
      const url = await postgres.createDatabase(`run_${run}`)
      const consume = await rawConsume(connection, events)
      const { tookMs, batches, rssMax } = await ingestOnce(connection, url, events, `bench-${run}`)
      const copy = await rawCopy(url, events)
      measured.push({ consume, copy, ingest: (events / tookMs) * 1000, batches, rss_bytes_max: rssMax })
      report(describe(measured.at(-1) as IngestRun))
    }
    return measured
  } finally {
    await Promise.all([kafka.stop(), postgres.stop()])
  }
}

/** One run in a line. */
export const describe = (run: IngestRun): string => {
  const rate = (perSecond: number): string => `${Math.round(perSecond).toLocaleString("en-US")}/s`
  return `ingest ${rate(run.ingest)} · raw COPY ${rate(run.copy)} (ratio ${(run.ingest / run.copy).toFixed(2)}) · raw consume ${rate(run.consume)} (ratio ${(run.ingest / run.consume).toFixed(2)}) · ${run.batches} batches · ${(run.rss_bytes_max / 1e6).toFixed(0)} MB`
}

const produce = async (connection: KafkaConnection, events: number): Promise<number> => {
  const admin = openAdmin(connection)
  await admin.create(topics.map(({ name }) => ({ name, partitions })))
  admin.close()
  const producer = await openBulkProducer(connection)
  let bytes = 0
  const messages = function* () {
    for (const { key, value } of observations(events)) {
      bytes += value.length
      yield { topic: fundingObservationTopic.name, key, value }
    }
  }
  await producer.send(messages())
  await producer.close()
  return bytes
}

/** The rate at which the client hands over messages when nothing is done with them. */
const rawConsume = async (connection: KafkaConnection, events: number): Promise<number> => {
  const consumer = await openConsumer(connection, {
    group: null,
    waitMs: 100,
    queuedBytesMax: 32 * 1024 * 1024,
  })
  const startedMs = performance.now()
  consumer.assign(
    Array.from({ length: partitions }, (_, partition) => ({
      topic: fundingObservationTopic.name,
      partition,
      offset: 0,
    })),
  )
  let seen = 0
  while (seen < events) seen += (await consumer.consume(512)).length
  const rate = (events / (performance.now() - startedMs)) * 1000
  await consumer.close()
  return rate
}

interface WriterReport {
  readonly tookMs: number
  readonly batches: number
  readonly rssMax: number
}

const ingestOnce = async (
  connection: KafkaConnection,
  url: string,
  events: number,
  group: string,
): Promise<WriterReport> => {
  const owner = openDatabase(url, { applicationName: "bench" })
  await migrate(owner)
  await owner.close()
  const child = fork(new URL("writer-process.ts", import.meta.url), [
    connection.brokers,
    url,
    group,
    String(events),
  ])
  try {
    return await new Promise<WriterReport>((resolve, reject) => {
      child.on("message", (message: WriterReport | { readonly retry: string }) =>
        "retry" in message ? process.stderr.write(`retried: ${message.retry}\n`) : resolve(message),
      )
      child.on("exit", (code) => reject(new Error(`the writer ended with ${code}`)))
    })
  } finally {
    const exited = new Promise((resolve) => child.once("exit", resolve))
    if (child.connected) child.disconnect()
    if (child.exitCode === null) await exited
  }
}

/** The rate at which one COPY takes the rows just written into an empty table with the same columns and indexes. */
const rawCopy = async (url: string, events: number): Promise<number> => {
  const database = openDatabase(url, { applicationName: "bench-copy", deadlineMs: 600_000 })
  try {
    const rows = await database.transaction(async (transaction) => {
      await transaction.script(`create table raw_copy (like ${table} including all)`)
      const chunks: Buffer[] = []
      for await (const chunk of await transaction.copyOut(
        `copy (select * from ${table} order by ingested_at, topic_partition, kafka_offset) to stdout (format binary)`,
      ))
        chunks.push(chunk)
      return chunks
    })
    const startedMs = performance.now()
    await database.transaction((transaction) =>
      transaction.copyIn("copy raw_copy from stdin (format binary)", rows),
    )
    return (events / (performance.now() - startedMs)) * 1000
  } finally {
    await database.close()
  }
}
