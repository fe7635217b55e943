import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { type Consumer, openConsumer } from "@landfall/adapters/kafka/consumer"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordDecoder, recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { alertTopic } from "@landfall/domain/topics/alert"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { type TradeResult, tradeResultId, tradeResultTopic } from "@landfall/domain/topics/trade-result"
import { startService } from "@landfall/sandbox/stack/services"
import { startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import type { Bench } from "../bench.ts"
import { openTransfers } from "../observations.ts"
import type { Section } from "../report/section.ts"
import { quantile } from "../report/statistics.ts"

const partitions = 4
const tick_ms = 500
/** What the services hold besides: deposits that are on their way, none of them late. */
const openTransfersCount = 20_000
/** Longer than any alert may take; then the benchmark has failed. */
const patience_ms = 20_000

/** From a failed trade on Kafka to its alert on Kafka, through the real ops-sentinel. */
export const alertBench: Bench = {
  covers: ["alert"],
  limit_s: 180,
  run: async ({ sizes, folder, say, stack }) => {
    say("starting Kafka, PostgreSQL and ops-sentinel")
    const [kafka, postgres] = await Promise.all([
      startKafka({ dir: join(folder, "kafka") }),
      startPostgres({ dir: join(folder, "postgres") }),
    ])
    stack.defer(() => Promise.all([kafka.stop(), postgres.stop()]).then(() => {}))
    const connection: KafkaConnection = { brokers: kafka.brokers, clientId: "bench" }
    const databaseUrl = await postgres.createDatabase("landfall")
    const owner = openDatabase(databaseUrl, { applicationName: "bench" })
    await migrate(owner)
    await owner.close()
    const admin = openAdmin(connection)
    await admin.create(topics.map(({ name }) => ({ name, partitions })))
    admin.close()
    const producer = await openBulkProducer(connection)
    stack.defer(() => producer.close())
    await producer.send(
      openTransfers(openTransfersCount, Date.now()).map((message) => ({
        topic: fundingObservationTopic.name,
        ...message,
      })),
    )
    const sentinel = await startService(
      "ops-sentinel",
      { KAFKA_BROKERS: kafka.brokers, DATABASE_URL: databaseUrl, TICK_INTERVAL_MS: String(tick_ms) },
      folder,
    )
    stack.defer(() => sentinel.process.stop())
    const watch = await watchAlerts(connection)
    stack.defer(watch.stop)

    const encode = recordEncoder(tradeResultTopic)
    const fail = async (serial: number): Promise<void> => {
      const record = failedTrade(`P${serial}/EURe`)
      watch.sent.set(record.pair, performance.now())
      await producer.send([{ topic: tradeResultTopic.name, key: record.pair, value: encode(record) }])
    }
    // The first alerts are what a process that has just started takes.
    await fail(-1)
    await watch.all(1, patience_ms)
    watch.took.length = 0
    for (let serial = 0; serial < sizes.alerts; serial++) {
      await fail(serial)
      // Trades fail at any moment between two ticks, so the samples must not keep step with them.
      await sleep(20 + ((serial * 37) % 60))
    }
    await watch.all(sizes.alerts, patience_ms)
    return [sectionOf(watch.took)]
  },
}

const failedTrade = (pair: string): TradeResult => {
  const command_id = `bench-${pair}`
  return {
    trade_result_id: tradeResultId(command_id, "failed"),
    command_id,
    pair,
    status: "failed",
    error_code: "relay_refused",
    occurred_at: timestamp(Date.now()),
  }
}

interface Watch {
  /** When each pair's failure was handed to the producer, on `performance.now()`'s clock. */
  readonly sent: Map<string, number>
  /** How long each alert took until a reader of committed messages had it. */
  readonly took: number[]
  readonly all: (count: number, patience_ms: number) => Promise<void>
  readonly stop: () => Promise<void>
}

const watchAlerts = async (connection: KafkaConnection): Promise<Watch> => {
  const consumer: Consumer = await openConsumer(connection, {
    group: null,
    waitMs: 100,
    queuedBytesMax: 16 * 1024 * 1024,
  })
  consumer.assign(
    Array.from({ length: partitions }, (_, partition) => ({ topic: alertTopic.name, partition, offset: 0 })),
  )
  const decode = recordDecoder(alertTopic)
  const sent = new Map<string, number>()
  const took: number[] = []
  let stopped = false
  const reading = (async () => {
    while (!stopped) {
      const messages = await consumer.consume(100)
      const at_ms = performance.now()
      for (const { value } of messages) {
        const decoded = decode(value)
        const began_ms = decoded.ok ? sent.get(decoded.record.pair ?? "") : undefined
        if (began_ms !== undefined) took.push(at_ms - began_ms)
      }
    }
  })()
  return {
    sent,
    took,
    all: async (count, patience_ms) => {
      const deadline_ms = performance.now() + patience_ms
      while (took.length < count) {
        if (performance.now() > deadline_ms)
          throw new Error(`${count - took.length} of ${count} alerts did not come within ${patience_ms} ms`)
        await sleep(20)
      }
    },
    stop: async () => {
      stopped = true
      await reading
      await consumer.close()
    },
  }
}

const sectionOf = (took: ReadonlyArray<number>): Section => ({
  name: "alert",
  title: "From an event on Kafka to its alert on Kafka",
  how: `The real ops-sentinel as a process, ticking every ${tick_ms} ms, on real Kafka, with ${openTransfersCount.toLocaleString("en-US")} open transfers besides. ${took.length} trades fail, each on a pair of its own, at any moment between two ticks. The clock begins before the event is handed to the producer and ends when a reader of committed messages has the alert.`,
  figures: [
    { name: "p50", unit: "ms", runs: [quantile(took, 0.5)] },
    { name: "p99", unit: "ms", runs: [quantile(took, 0.99)] },
    { name: "longest", unit: "ms", runs: [Math.max(...took)] },
  ],
  results: [
    {
      name: `event on Kafka → alert on Kafka, p99, with a tick of ${tick_ms} ms`,
      unit: "ms",
      runs: [quantile(took, 0.99)],
      target: { most: tick_ms + 50 },
    },
  ],
  remarks: [],
})
