import kafka from "@confluentinc/kafka-javascript"
import { expect, onTestFinished, test } from "vitest"
import { examineTransactions } from "../../src/doctor/transactions.ts"
import { asked } from "../../src/kafka/configuration.ts"
import { givenKafka, givenPublisher, settled } from "../kafka/given-kafka.ts"

const given = givenKafka()

const look = (topics: ReadonlyArray<string>) =>
  examineTransactions(
    given.connection,
    topics.map((topic) => ({ topic, partition: 0 })),
    Date.now,
  )

/** Writes messages of that time in a transaction that stays open until it is aborted. */
const givenOpenTransaction = async (topic: string, messages: number, at_ms: number) => {
  const producer = new kafka.Producer({
    "metadata.broker.list": given.connection.brokers,
    "transactional.id": `${topic}-open`,
  })
  producer.on("event.error", () => {})
  const each = (what: string, call: (done: (error: unknown) => void) => void) =>
    asked<void>(what, (done) => call((error) => done(error, undefined)))
  await each("connecting", (done) => producer.connect({ timeout: 30_000 }, done))
  onTestFinished(() => each("disconnecting", (done) => producer.disconnect(done)))
  await each("taking the id", (done) => producer.initTransactions(30_000, done))
  await each("beginning", (done) => producer.beginTransaction(done))
  for (let nth = 0; nth < messages; nth++) producer.produce(topic, 0, Buffer.from("x"), "key", at_ms)
  await each("sending", (done) => producer.flush(30_000, done))
  return { abort: () => each("aborting", (done) => producer.abortTransaction(30_000, done)) }
}

test("a transaction that is open for more than a minute is found, with what waits behind it, until it is aborted", async () => {
  const [held, well] = [await given.topic(), await given.topic()]
  const publisher = await givenPublisher(given.connection, "before")
  await publisher.publish([held, well].map((topic) => ({ topic, key: "key", value: "committed" })))
  await Promise.all([settled(given, held), settled(given, well)])
  expect(await look([held, well])).toMatchObject([
    { check: "transactions", state: "ok", says: "none is open in 2 partitions" },
  ])

  const began_ms = Date.now() - 120_000
  const { abort } = await givenOpenTransaction(held, 3, began_ms)
  // The committed message and its marker come first.
  expect(await look([held, well])).toEqual([
    {
      part: "kafka",
      check: "transactions",
      state: "wrong",
      says: `${held}/0: a transaction is open since ${new Date(began_ms).toISOString()}; what lies behind it cannot be read (last stable offset 2, end 5)`,
      todo: "see docs/runbook/hanging-transaction.md",
    },
  ])

  await abort()
  await settled(given, held)
  expect(await look([held, well])).toMatchObject([{ state: "ok" }])
})

test("a transaction that has just begun is told, and is no fault", async () => {
  const topic = await given.topic()
  await givenOpenTransaction(topic, 1, Date.now())
  const [finding, ...more] = await look([topic])
  expect(more).toEqual([])
  expect(finding).toMatchObject({ state: "unknown", todo: expect.stringContaining("ask again in a minute") })
  expect(finding?.says).toContain("(last stable offset 0, end 1)")
})

test("what cannot be looked at is no fault", async () => {
  expect(await look(["no-such-topic"])).toMatchObject([{ check: "transactions", state: "unknown" }])
})
