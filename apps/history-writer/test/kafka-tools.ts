import kafka from "@confluentinc/kafka-javascript"
import { until } from "@landfall/sandbox/until"

/** A message to send, with everything that a producer may say. */
export interface Outgoing {
  readonly topic: string
  readonly partition?: number
  readonly key?: Buffer | string | null
  readonly value: Buffer | string | null
  readonly headers?: ReadonlyArray<Readonly<Record<string, Buffer>>>
  readonly timestampMs?: number
}

type Done<Value> = (error: unknown, value: Value) => void

const asked = <Value>(call: (done: Done<Value>) => void): Promise<Value> =>
  new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)))
  })

const withAdmin = async <Value>(brokers: string, work: (admin: kafka.IAdminClient) => Promise<Value>) => {
  const admin = kafka.AdminClient.create({ "metadata.broker.list": brokers })
  try {
    return await work(admin)
  } finally {
    admin.disconnect()
  }
}

/** The names of the topics that the broker has. */
const topicNames = (admin: kafka.IAdminClient): Promise<string[]> =>
  asked((done) => admin.listTopics({ timeout: 10_000 }, done as never))

/** Deletes the topics that are there, and returns when none of them is. */
export const deleteTopics = (brokers: string, names: ReadonlyArray<string>): Promise<unknown> =>
  withAdmin(brokers, async (admin) => {
    const there = await topicNames(admin)
    const doomed = names.filter((one) => there.includes(one))
    await Promise.all(
      doomed.map((name) =>
        asked((done) => admin.deleteTopic(name, 10_000, (error) => done(error, undefined))),
      ),
    )
    return until("the topics are gone", async () => {
      const left = await topicNames(admin)
      return names.some((name) => left.includes(name)) ? null : true
    })
  })

/** Creates topics; tries again while the broker still remembers ones that were deleted. */
export const createTopics = (
  brokers: string,
  names: ReadonlyArray<string>,
  partitions: number,
  config: Readonly<Record<string, string>> = {},
  copies = 1,
): Promise<unknown> =>
  withAdmin(brokers, async (admin) => {
    const make = (topic: string) =>
      until(`topic ${topic} is created`, async () => {
        const wanted = {
          topic,
          num_partitions: partitions,
          replication_factor: copies,
          config: { ...config },
        }
        await asked((done) => admin.createTopic(wanted, 10_000, (error) => done(error, undefined)))
        return true
      })
    await Promise.all(names.map(make))
    return until("the topics are listed", async () => {
      const there = await topicNames(admin)
      return names.every((name) => there.includes(name)) ? true : null
    })
  })

/** Deletes what lies before the offset, as retention would. */
export const deleteRecordsBefore = (brokers: string, topic: string, partition: number, offset: number) =>
  withAdmin(brokers, (admin) =>
    asked((done) => admin.deleteRecords([{ topic, partition, offset }], { timeout: 10_000 }, done as never)),
  )

const produce = (producer: kafka.Producer, message: Outgoing): void => {
  const { topic, partition, key = null, value, headers, timestampMs } = message
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value
  producer.produce(
    topic,
    partition ?? null,
    bytes,
    key,
    timestampMs ?? null,
    undefined,
    headers as kafka.MessageHeader[] | undefined,
  )
}

interface Sender {
  readonly producer: kafka.Producer
  readonly failures: unknown[]
}

const senders = new Map<string, Promise<Sender>>()

const openSender = async (brokers: string): Promise<Sender> => {
  const producer = new kafka.Producer({
    "metadata.broker.list": brokers,
    "enable.idempotence": true,
    "message.max.bytes": 12_000_000,
    "linger.ms": 1,
    partitioner: "murmur2",
    dr_cb: true,
  } as kafka.ProducerGlobalConfig)
  const failures: unknown[] = []
  producer.on("event.error", () => {}) // the broker may be away for a while; what is not delivered is told below
  producer.on("delivery-report", (error) => {
    if (error) failures.push(error)
  })
  producer.setPollInterval(20)
  await asked((done) => producer.connect({ timeout: 10_000 }, done as never))
  return { producer, failures }
}

/** Sends messages with headers and timestamps, and returns when the broker has them. */
export const send = async (brokers: string, messages: Iterable<Outgoing>): Promise<void> => {
  const opened = senders.get(brokers) ?? openSender(brokers)
  senders.set(brokers, opened)
  const { producer, failures } = await opened
  const flush = () => asked<void>((done) => producer.flush(60_000, (error) => done(error, undefined)))
  let queued = 0
  for (const message of messages) {
    produce(producer, message)
    if (++queued % 20_000 === 0) await flush() // the client's queue takes 100,000
  }
  await flush()
  if (failures.length > 0) throw failures[0]
}

/** Closes the producers that {@link send} has kept open. */
export const closeSenders = async (): Promise<void> => {
  for (const opened of senders.values()) {
    const { producer } = await opened
    await asked((done) => producer.disconnect(1_000, done as never))
  }
  senders.clear()
}

/** Sends messages in one transaction, and commits or aborts it. */
export const sendInTransaction = async (
  brokers: string,
  messages: ReadonlyArray<Outgoing>,
  ending: "commit" | "abort",
): Promise<void> => {
  const producer = new kafka.Producer({
    "metadata.broker.list": brokers,
    "transactional.id": `test-${performance.now()}`,
    partitioner: "murmur2",
  } as kafka.ProducerGlobalConfig)
  producer.on("event.error", () => {})
  const step = (call: (done: (error: unknown) => void) => void) =>
    asked<void>((done) => call((error) => done(error, undefined)))
  await asked((done) => producer.connect({ timeout: 10_000 }, done as never))
  await step((done) => producer.initTransactions(10_000, done))
  await step((done) => producer.beginTransaction(done))
  for (const message of messages) produce(producer, message)
  await step((done) => producer.flush(10_000, done)) // an abort would otherwise drop what was not sent yet
  await step((done) =>
    ending === "commit" ? producer.commitTransaction(10_000, done) : producer.abortTransaction(10_000, done),
  )
  await asked((done) => producer.disconnect(5_000, done as never))
}
