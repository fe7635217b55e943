import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { topics } from "@landfall/domain/registry"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { startService } from "@landfall/sandbox/stack/services"
import { startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import postgres, { type Sql } from "postgres"
import type { Bench } from "../bench.ts"
import { observations, type Produced } from "../observations.ts"
import type { Section } from "../report/section.ts"
import { quantile } from "../report/statistics.ts"

const partitions = 4
const eventsPerSecond = 2_000
/** Sent together: often enough that the rate is even, seldom enough that the sender takes little of the machine. */
const portion_ms = 10
/** One event in so many is looked for in the snapshot. */
const probeEvery = 50
const lookAgainMs = 3
const warm_s = 5
const patience_ms = 30_000

/** From an event handed to Kafka to the row that it changed, while 2,000 events come each second. */
export const freshnessBench: Bench = {
  covers: ["freshness"],
  limit_s: 150,
  run: async ({ sizes, folder, say, stack }) => {
    say("starting Kafka, PostgreSQL and history-writer")
    const [kafka, database] = await Promise.all([
      startKafka({ dir: join(folder, "kafka") }),
      startPostgres({ dir: join(folder, "postgres") }),
    ])
    stack.defer(() => Promise.all([kafka.stop(), database.stop()]).then(() => {}))
    const connection: KafkaConnection = { brokers: kafka.brokers, clientId: "bench" }
    const databaseUrl = await database.createDatabase("landfall")
    const admin = openAdmin(connection)
    await admin.create(topics.map(({ name }) => ({ name, partitions })))
    admin.close()
    const writer = await startService(
      "history-writer",
      { KAFKA_BROKERS: kafka.brokers, DATABASE_URL: databaseUrl, MIGRATE: "true" },
      folder,
    )
    stack.defer(() => writer.process.stop())
    const producer = await openBulkProducer(connection)
    stack.defer(() => producer.close())
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
    stack.defer(() => sql.end())

    const warmEvents = warm_s * eventsPerSecond
    const events = warmEvents + sizes.freshness_s * eventsPerSecond
    const probes = openProbes(sql)
    const began_ms = performance.now()
    const messages = observations(events)
    for (let made = 0; made < events; ) {
      const due = Math.min(events, Math.ceil(((performance.now() - began_ms) / 1000) * eventsPerSecond))
      const portion = nextOf(messages, due - made)
      const sent_ms = performance.now()
      for (const [index, { value }] of portion.entries())
        if (made + index >= warmEvents && (made + index) % probeEvery === 0) probes.watch(value, sent_ms)
      made = due
      // Not awaited: a sender that waits for the broker would send less just when there is much to do.
      producer
        .send(portion.map((message) => ({ topic: fundingObservationTopic.name, ...message })))
        .catch(probes.fail)
      await sleep(portion_ms)
    }
    const sent_s = (performance.now() - began_ms) / 1000
    const took = await probes.done(patience_ms)
    return [sectionOf(took, events / sent_s)]
  },
}

const nextOf = (messages: Generator<Produced>, count: number): ReadonlyArray<Produced> => {
  const portion: Produced[] = []
  while (portion.length < count) {
    const next = messages.next()
    if (next.done === true) break
    portion.push(next.value)
  }
  return portion
}

interface Probes {
  readonly watch: (value: string, sent_ms: number) => void
  readonly fail: (error: unknown) => void
  /** Resolves with all latencies in milliseconds once each probe was seen. */
  readonly done: (patience_ms: number) => Promise<ReadonlyArray<number>>
}

/** Looks again and again for the rows of the probes, each by its transfer and revision. */
const openProbes = (sql: Sql): Probes => {
  const waiting = new Map<string, Array<{ readonly revision: number; readonly sent_ms: number }>>()
  const took: number[] = []
  let failure: unknown = null
  let finishing = false
  const look = async (): Promise<void> => {
    while (!finishing || waiting.size > 0) {
      if (failure !== null) return
      const rows =
        waiting.size === 0
          ? []
          : await sql<Array<{ row_key: string; revision: number }>>`
              select row_key, revision from funding_transfer_snapshot where row_key = any(${[...waiting.keys()]})`
      const at_ms = performance.now()
      for (const { row_key, revision } of rows) {
        const left = (waiting.get(row_key) ?? []).filter((probe) => {
          if (probe.revision > revision) return true
          took.push(at_ms - probe.sent_ms)
          return false
        })
        if (left.length === 0) waiting.delete(row_key)
        else waiting.set(row_key, left)
      }
      await sleep(lookAgainMs)
    }
  }
  const looking = look()
  looking.catch(() => {}) // awaited in the end
  return {
    watch: (value, sent_ms) => {
      const { transfer_id, revision } = JSON.parse(value) as { transfer_id: string; revision: number }
      waiting.set(transfer_id, [...(waiting.get(transfer_id) ?? []), { revision, sent_ms }])
    },
    fail: (error) => {
      failure ??= error
    },
    done: async (patience_ms) => {
      finishing = true
      const timer = setTimeout(() => {
        failure ??= new Error(`${waiting.size} rows were not there after ${patience_ms} ms`)
      }, patience_ms)
      await looking
      clearTimeout(timer)
      if (failure !== null) throw failure
      return took
    },
  }
}

const sectionOf = (took: ReadonlyArray<number>, rate: number): Section => ({
  name: "freshness",
  title: "From an event to its snapshot row",
  how: `The real history-writer as a process takes observations that come at an even ${eventsPerSecond.toLocaleString("en-US")} a second. ${took.length} of them are looked for in \`funding_transfer_snapshot\` every ${lookAgainMs} ms. The clock begins before the event is handed to the producer (which gathers for up to 5 ms), and ends when a query returns the row with its revision.`,
  figures: [
    { name: "sent", unit: "events/s", runs: [rate] },
    { name: "p50", unit: "ms", runs: [quantile(took, 0.5)] },
    { name: "p99", unit: "ms", runs: [quantile(took, 0.99)] },
    { name: "longest", unit: "ms", runs: [Math.max(...took)] },
  ],
  results: [
    {
      name: `event → snapshot row at ${eventsPerSecond.toLocaleString("en-US")} events/s, p99`,
      unit: "ms",
      runs: [quantile(took, 0.99)],
      target: { most: 100 },
    },
  ],
  remarks: [],
})
