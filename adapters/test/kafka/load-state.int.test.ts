import kafka from "@confluentinc/kafka-javascript"
import { recordEncoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { fold } from "@landfall/projections/fold"
import { projections } from "@landfall/projections/registry"
import { historyOf } from "@landfall/projections/testing/generators"
import fc from "fast-check"
import { beforeEach, describe, expect, it, vi } from "vitest"
import { defaultLimits, startHistoryWriter } from "../../src/history/history-writer.ts"
import { LogBroken } from "../../src/history/resume.ts"
import { asked } from "../../src/kafka/configuration.ts"
import type { OutgoingMessage } from "../../src/kafka/publisher.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import type { Database } from "../../src/postgres/transaction.ts"
import { loadState } from "../../src/state/load-state.ts"
import { given as givenDatabase, givenPostgres } from "../postgres/given-postgres.ts"
import { crashInTransaction } from "./crash.ts"
import { givenKafka, givenPublisher, readCommitted, settled } from "./given-kafka.ts"

// A broker, a database and a consumer group on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const server = givenPostgres()
const given = givenKafka()

/** Events of every topic, in an order that Kafka could deliver; the same ones for the same seed. */
const eventsOf = (seed: number): ReadonlyMap<string, ReadonlyArray<unknown>> =>
  new Map(
    topics.map((topic) => {
      const samples = fc.sample(historyOf(topic.name), { numRuns: 60, seed })
      return [topic.name, samples.reduce((longest, one) => (one.length > longest.length ? one : longest), [])]
    }),
  )
const events = eventsOf(7)

const messagesOf = (topicName: string, records: ReadonlyArray<unknown>): ReadonlyArray<OutgoingMessage> => {
  const topic = topics.find(({ name }) => name === topicName)
  if (topic === undefined) throw new Error(`no topic ${topicName}`)
  const encode = recordEncoder(topic)
  return records.map((record) => ({ topic: topicName, key: topic.key(record), value: encode(record) }))
}

/** The part of each topic's events from one fraction of them to another, as messages. */
const part = (from: number, to: number): ReadonlyArray<OutgoingMessage> =>
  [...events].flatMap(([name, records]) =>
    messagesOf(name, records.slice(Math.floor(records.length * from), Math.floor(records.length * to))),
  )

const withClient = (work: (client: kafka.IAdminClient) => Promise<unknown>): Promise<unknown> => {
  const client = kafka.AdminClient.create({ "bootstrap.servers": given.connection.brokers })
  return work(client).finally(() => client.disconnect())
}

const idsOf = async (): Promise<ReadonlyArray<string>> =>
  (await given.admin().describe(topics.map(({ name }) => name))).map(({ topicId }) => topicId.toString("hex"))

/** Deletes the topics and makes them anew, under other ids. */
const freshTopics = async (): Promise<void> => {
  const before: ReadonlyArray<string> = await idsOf().catch(() => [])
  await withClient(async (client) => {
    for (const { name } of topics)
      await asked<void>("deleting", (done) => client.deleteTopic(name, 10_000, () => done(null, undefined)))
  })
  await given.admin().create(topics.map(({ name }) => ({ name, partitions: 2 })))
  // The broker hears of it a moment after the controller.
  while ((await idsOf()).some((id) => before.includes(id)));
}

let databases = 0
let database: Database

beforeEach(async () => {
  await freshTopics()
  database = givenDatabase(await server.createDatabase(`state_${++databases}`))
  await migrate(database)
})

/** Lets the history writer take over what the topics hold: so many messages. */
const takeOver = async (messages: number): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let written = 0
  const writer = await startHistoryWriter({
    kafka: given.connection,
    groupId: `writer-${databases}`,
    topics,
    admin: given.admin(),
    database,
    now: Date.now,
    limits: defaultLimits,
    onEvent: (event) => {
      if (event.type === "written") {
        const { evidence, duplicates, deadLetters } = event.ingested
        written += evidence + duplicates + deadLetters
        if (written >= messages) resolve()
      }
      if (event.type === "stopped") reject(event.error)
    },
  })
  await promise
  await writer.stop()
}

const load = (over: Partial<Parameters<typeof loadState>[0]> = {}) =>
  loadState({ projections, database, kafka: given.connection, admin: given.admin(), ...over })

/** The rows that folding all of those messages' records gives, by projection. */
const folded = (until = 1) =>
  new Map(
    projections.map((projection) => {
      const records = events.get(projection.topic.name) ?? []
      return [projection.name, fold(projection, records.slice(0, Math.floor(records.length * until)))]
    }),
  )

/** For each partition, the offset after its last committed message. */
const committedEnds = async () => {
  const ends: Record<string, Record<string, number>> = {}
  for (const { name } of topics) {
    ends[name] = { 0: 0, 1: 0 }
    for (const { partition, offset } of await readCommitted(given, name)) ends[name][partition] = offset + 1
  }
  return ends
}

const settle = async (): Promise<void> => {
  for (const { name } of topics) await settled(given, name)
}

describe("loading the state", () => {
  it("gives the fold of everything: from the topics alone, from snapshots and tail, and from snapshots alone", async () => {
    const first = part(0, 0.6)
    const publisher = await givenPublisher(given.connection, "loading")
    await publisher.publish(first)
    await settle()
    expect((await load()).rows).toEqual(folded(0.6))

    await takeOver(first.length)
    expect((await load()).rows).toEqual(folded(0.6))

    // Half of the tail; then what a process that died never committed; then the other half, and what is no record.
    await publisher.publish(part(0.6, 0.8))
    const uncommitted = [...eventsOf(8)].flatMap(([name, records]) => messagesOf(name, records))
    await crashInTransaction(given.connection, "loading", uncommitted)
    const successor = await givenPublisher(given.connection, "loading")
    await successor.publish(part(0.8, 1))
    await successor.publish(topics.map(({ name }) => ({ topic: name, key: "poison", value: "not a record" })))
    await settle()
    const state = await load()
    expect(state.rows).toEqual(folded())
    expect(state.position).toEqual(await committedEnds())

    await takeOver(part(0.6, 1).length + topics.length)
    const after = await load()
    expect(after.rows).toEqual(folded())
    expect(after.position).toEqual(state.position)

    const some = projections.filter(({ topic }) => topic.name === "ops.liquidity_action")
    const partial = await load({ projections: some })
    expect([...partial.rows.keys()]).toEqual(some.map(({ name }) => name))
    expect(Object.keys(partial.position)).toEqual(["ops.liquidity_action"])
  })

  it("is not held up by a transaction that stays open, and takes nothing of it", async () => {
    const publisher = await givenPublisher(given.connection, "open")
    await publisher.publish(part(0, 0.5))
    await settle()
    await crashInTransaction(given.connection, "someone else", part(0.5, 1))
    const started = performance.now()
    expect((await load()).rows).toEqual(folded(0.5))
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  it("refuses topics that were deleted and created again since", async () => {
    const publisher = await givenPublisher(given.connection, "recreated")
    await publisher.publish(part(0, 1))
    await takeOver(part(0, 1).length)
    await freshTopics()
    const error = await load().then(String, (reason: unknown) => reason)
    expect(error).toBeInstanceOf(LogBroken)
    expect(String(error)).toMatch(/was recreated: its topic id is [0-9a-f]{32}.*nothing was skipped/)
  })

  it("refuses a topic that no longer holds what comes next", async () => {
    const publisher = await givenPublisher(given.connection, "gone")
    await publisher.publish(part(0, 0.2))
    await takeOver(part(0, 0.2).length)
    await publisher.publish(part(0.2, 1))
    await settle()
    const topic = "ops.funding_observation"
    await withClient((client) =>
      asked("deleting records", (done) =>
        client.deleteRecords(
          [0, 1].map((partition) => ({ topic, partition, offset: -1 })),
          { timeout: 10_000 },
          done as never,
        ),
      ),
    )
    await expect(load()).rejects.toThrow(
      /Kafka no longer holds offset \d+, which is next; its log begins at \d+/,
    )
  })

  it("says which topic is missing", async () => {
    await withClient((client) =>
      asked<void>("deleting", (done) =>
        client.deleteTopic("ops.alert", 10_000, (error) => done(error, undefined)),
      ),
    )
    await expect(load()).rejects.toThrow(/topic ops.alert cannot be described; create it/)
  })
})
