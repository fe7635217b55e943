import kafka from "@confluentinc/kafka-javascript"

const asked = (call: (done: (error: unknown) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())))

/** Writes a message in a transaction that stays open: what comes after it in its partition cannot be read until it ends. */
export const openTransaction = async (
  brokers: string,
  { topic, key, value }: { readonly topic: string; readonly key: string; readonly value: string },
): Promise<{ readonly abort: () => Promise<void> }> => {
  const producer = new kafka.Producer({
    "metadata.broker.list": brokers,
    "transactional.id": `test-${process.pid}-${performance.now()}`,
    partitioner: "murmur2",
  })
  producer.on("event.error", () => {})
  await asked((done) => producer.connect({ timeout: 10_000 }, done))
  await asked((done) => producer.initTransactions(10_000, done))
  await asked((done) => producer.beginTransaction(done))
  producer.produce(topic, null, Buffer.from(value), key)
  await asked((done) => producer.flush(10_000, done))
  return {
    abort: async () => {
      await asked((done) => producer.abortTransaction(10_000, done))
      await asked((done) => producer.disconnect(done))
    },
  }
}
