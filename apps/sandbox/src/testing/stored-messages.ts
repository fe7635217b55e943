import kafka from "@confluentinc/kafka-javascript"

/** A message as the broker has it. */
export interface Stored {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: ReadonlyArray<Readonly<Record<string, Buffer>>>
  readonly timestamp: number
  readonly leaderEpoch?: number
}

type Done<Value> = (error: unknown, value: Value) => void

const asked = <Value>(call: (done: Done<Value>) => void): Promise<Value> =>
  new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)))
  })

/** Everything that partitions hold up to their ends, committed transactions only, each in its order. */
export const readPartitions = async (
  brokers: string,
  partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
): Promise<ReadonlyArray<ReadonlyArray<Stored>>> => {
  const nameOf = (at: { readonly topic: string; readonly partition: number }) => `${at.topic}/${at.partition}`
  const found = new Map(partitions.map((at): [string, Stored[]] => [nameOf(at), []]))
  const open = new Set(found.keys())
  const consumer = new kafka.KafkaConsumer(
    {
      "metadata.broker.list": brokers,
      "group.id": "test-reader",
      "enable.auto.commit": false,
      "enable.partition.eof": true,
      "isolation.level": "read_committed",
      "fetch.wait.max.ms": 20,
    } as kafka.ConsumerGlobalConfig,
    { "auto.offset.reset": "earliest" },
  )
  consumer.on("event.error", () => {})
  await asked((done) => consumer.connect({ timeout: 10_000 }, done as never))
  consumer.on("partition.eof", (at) => open.delete(nameOf(at)))
  consumer.assign(partitions.map((at) => ({ ...at, offset: -2 }))) // -2: from the earliest
  consumer.setDefaultConsumeTimeout(50)
  const deadline = performance.now() + 60_000
  while (open.size > 0) {
    const messages = await asked<ReadonlyArray<Stored & { topic: string; partition: number }>>((done) =>
      consumer.consume(5_000, done as never),
    )
    for (const message of messages) found.get(nameOf(message))?.push(message)
    if (performance.now() > deadline) throw new Error(`the end of ${[...open].join(", ")} was not reached`)
  }
  await asked((done) => consumer.disconnect(done as never))
  return [...found.values()]
}
