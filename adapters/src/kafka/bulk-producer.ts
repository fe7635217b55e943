import kafka from "@confluentinc/kafka-javascript"
import { asked, common, type KafkaConnection } from "./configuration.ts"

/** A message to send as it is; the value may be any bytes, for tests of bad input. */
export interface BulkMessage {
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer | string | null
  readonly partition?: number
}

/** Sends many messages without a transaction: for benchmarks, tests and the sandbox's executor. */
export interface BulkProducer {
  /** Resolves when the broker has them all. Waits while the client's queue is full. */
  readonly send: (messages: Iterable<BulkMessage>) => Promise<void>
  readonly close: () => Promise<void>
}

const queueFull = -184

/** Connects a producer that keeps the order of each partition and loses nothing. */
export const openBulkProducer = async (connection: KafkaConnection): Promise<BulkProducer> => {
  const producer = new kafka.Producer({
    ...common(connection),
    "enable.idempotence": true,
    "compression.type": "lz4",
    "linger.ms": 5,
    "queue.buffering.max.messages": 50_000,
    partitioner: "murmur2",
    dr_cb: false,
  })
  producer.on("event.error", () => {})
  await asked("connecting the producer", (done) => producer.connect({ timeout: 10_000 }, done))
  const flush = (): Promise<unknown> =>
    asked<unknown>("flushing the producer", (done) =>
      producer.flush(60_000, (error) => done(error, undefined)),
    )
  const produce = async ({ topic, key, value, partition }: BulkMessage): Promise<void> => {
    const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value
    for (;;) {
      try {
        producer.produce(topic, partition ?? null, bytes, key)
        return
      } catch (error) {
        if ((error as { code?: number }).code !== queueFull) throw error
        await flush()
      }
    }
  }
  return {
    send: async (messages) => {
      for (const message of messages) await produce(message)
      await flush()
    },
    close: () =>
      asked<unknown>("closing the producer", (done) => producer.disconnect(5_000, done)).then(
        () => undefined,
      ),
  }
}
