import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import kafka from "@confluentinc/kafka-javascript"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, onTestFinished } from "vitest"
import { type Admin, openAdmin } from "../../src/kafka/admin.ts"
import { asked, type KafkaConnection } from "../../src/kafka/configuration.ts"
import { type ConsumedMessage, openConsumer } from "../../src/kafka/consumer.ts"
import { openPublisher, type TransactionalPublisher } from "../../src/kafka/publisher.ts"

const deadlineMs = 60_000

/** A broker of the test file's own, which ends with it. */
export interface GivenKafka {
  readonly connection: KafkaConnection
  /** A topic that no other test has. */
  readonly topic: (partitions?: number, config?: Readonly<Record<string, string>>) => Promise<string>
  readonly admin: () => Admin
}

/** Starts Kafka before the file's tests and ends it after them. */
export const givenKafka = (): GivenKafka => {
  let broker: Kafka | null = null
  let admin: Admin | null = null
  let dir = ""
  let topics = 0
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "landfall-kafka-"))
    broker = await startKafka({ dir })
    admin = openAdmin({ brokers: broker.brokers, clientId: "test-admin" })
  })
  afterAll(async () => {
    admin?.close()
    await broker?.kill()
    await rm(dir, { recursive: true, force: true })
  })
  const opened = (): Admin => {
    if (admin === null) throw new Error("Kafka runs only while the tests do")
    return admin
  }
  const given: GivenKafka = {
    get connection() {
      if (broker === null) throw new Error("Kafka runs only while the tests do")
      return { brokers: broker.brokers, clientId: "test" }
    },
    topic: async (partitions = 1, config = {}) => {
      const topic = `topic-${++topics}`
      await createTopics(given.connection.brokers, [{ topic, partitions, config }])
      await opened().create([{ name: topic, partitions }]) // waits until the broker knows it
      return topic
    },
    admin: opened,
  }
  return given
}

/** An open publisher that is closed after the running test. */
export const givenPublisher = async (
  connection: KafkaConnection,
  transactionalId: string,
  timeoutMs?: number,
): Promise<TransactionalPublisher> => {
  const publisher = openPublisher(connection, transactionalId, timeoutMs === undefined ? {} : { timeoutMs })
  onTestFinished(() => publisher.close())
  await publisher.open()
  return publisher
}

/** Waits until no transaction is open in the topic: a commit is answered before its marker stands in each partition. */
export const settled = async ({ connection, admin }: GivenKafka, topic: string): Promise<void> => {
  const client = kafka.AdminClient.create({ "bootstrap.servers": connection.brokers })
  const [described] = await admin().describe([topic])
  const partitions = Array.from({ length: described?.partitions ?? 0 }, (_, partition) => ({
    topic,
    partition,
  }))
  const ends = async (isolationLevel: kafka.IsolationLevel): Promise<ReadonlyArray<number>> => {
    const wanted = partitions.map((at) => ({ ...at, offset: kafka.OffsetSpec.LATEST }))
    const listed = await asked<ReadonlyArray<{ partition: number; offset: number }>>(
      "listing offsets",
      (done) => client.listOffsets(wanted, { timeout: deadlineMs, isolationLevel }, done as never),
    )
    return [...listed].sort((left, right) => left.partition - right.partition).map(({ offset }) => offset)
  }
  try {
    const deadline = performance.now() + deadlineMs
    for (;;) {
      const written = await ends(kafka.IsolationLevel.READ_UNCOMMITTED)
      const stable = await ends(kafka.IsolationLevel.READ_COMMITTED)
      if (written.every((end, index) => end === stable[index])) return
      if (performance.now() > deadline) throw new Error(`a transaction stays open in ${topic}`)
    }
  } finally {
    client.disconnect()
  }
}

/** Everything committed that the topic holds now, partition by partition. */
export const readCommitted = async (
  { connection, admin }: GivenKafka,
  topic: string,
): Promise<ReadonlyArray<ConsumedMessage>> => {
  const [described] = await admin().describe([topic])
  const partitions = Array.from({ length: described?.partitions ?? 0 }, (_, partition) => ({
    topic,
    partition,
  }))
  const bounds = await admin().bounds(partitions)
  const consumer = await openConsumer(connection, { group: null, waitMs: 20, queuedBytesMax: 1 << 20 })
  const messages: ConsumedMessage[] = []
  try {
    consumer.assign(partitions.map((at, index) => ({ ...at, offset: bounds[index]?.earliest ?? 0 })))
    const deadline = performance.now() + deadlineMs
    const atEnd = () =>
      partitions.every(
        (at, index) => (consumer.endOf(at.topic, at.partition)?.reached ?? 0) >= (bounds[index]?.end ?? 0),
      )
    while (!atEnd()) {
      messages.push(...(await consumer.consume(1_000)))
      if (performance.now() > deadline) throw new Error(`the end of ${topic} was not reached in time`)
    }
  } finally {
    await consumer.close()
  }
  return messages
}

/** The values of everything committed in the topic. */
export const committedValues = async (given: GivenKafka, topic: string): Promise<ReadonlyArray<string>> =>
  (await readCommitted(given, topic)).map(({ value }) => String(value))
