import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import kafkaClient from "@confluentinc/kafka-javascript"
import { openEventReader } from "@landfall/adapters/alerts/event-reader"
import { recordPolicy } from "@landfall/adapters/alerts/policy-store"
import { defaultLimits, startHistoryWriter } from "@landfall/adapters/history/history-writer"
import { claimSnapshotVersions } from "@landfall/adapters/history/snapshot-versions"
import { type Admin, openAdmin } from "@landfall/adapters/kafka/admin"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import { asked, type KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordEncoder } from "@landfall/domain/codec"
import type { Cut } from "@landfall/domain/position"
import { topicByName, topics } from "@landfall/domain/registry"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { advance, createEvaluator, fold } from "@landfall/evaluators/alerts/evaluator"
import type { RecordedPolicy } from "@landfall/evaluators/alerts/policy"
import { tick } from "@landfall/evaluators/alerts/tick"
import { projections } from "@landfall/projections/registry"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import { createTopics } from "@landfall/setup/parts/topics"
import { history, policy } from "./history.ts"

/** A real broker and database with a small history, written as the services write it. */
export interface House {
  readonly kafka: Kafka
  readonly postgres: Postgres
  readonly connection: KafkaConnection
  /** As the superuser. */
  readonly database: Database
  readonly url: string
  /** What the evaluator decided and published. */
  readonly alerts: ReadonlyArray<Alert>
  /** An empty database beside the one with the history. */
  readonly emptyUrl: string
  /** Publishes records, or raw values, to a topic. */
  readonly publish: (messages: ReadonlyArray<Message>) => Promise<void>
  /** Lets a history writer record everything that Kafka has. */
  readonly record: () => Promise<void>
  /** Deletes a topic and makes it anew, as no operator should. */
  readonly recreate: (topic: string, config: Readonly<Record<string, string>>) => Promise<void>
  readonly close: () => Promise<void>
}

/** A message to publish: a record of the topic, or any text in its place. */
export interface Message {
  readonly topic: string
  readonly key?: string
  readonly record: unknown
}

const partitions = 2

/** Starts both parts and plays the history. */
export const givenHouse = async (): Promise<House> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-cli-"))
  const [kafka, postgres] = await Promise.all([
    startKafka({ dir: join(dir, "kafka") }),
    startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } }),
  ])
  const url = await postgres.createDatabase("desk")
  const database = openDatabase(url, { applicationName: "test" })
  await migrate(database)
  const connection = { brokers: kafka.brokers, clientId: "test" }
  const admin = openAdmin(connection)
  await admin.create(topics.map(({ name }) => ({ name, partitions })))
  const publish = async (messages: ReadonlyArray<Message>): Promise<void> => {
    const producer = await openBulkProducer(connection)
    await producer.send(messages.map(bytesOf))
    await producer.close()
  }
  const policies = await recordPolicy(database, policy, Date.now() - 4 * 3_600_000)
  const alerts: Alert[] = []
  for (const step of history(Date.now())) {
    await publish(step)
    const decided = await decide(connection, policies)
    await publish(decided.map((alert) => ({ topic: alertTopic.name, record: alert })))
    alerts.push(...decided)
  }
  const record = (): Promise<void> => recordAll(connection, url)
  await record()
  return {
    kafka,
    postgres,
    connection,
    database,
    url,
    alerts,
    emptyUrl: await postgres.createDatabase("empty"),
    publish,
    record,
    recreate: async (topic, config) => {
      await deleteTopic(kafka.brokers, topic)
      await createTopics(kafka.brokers, [{ topic, partitions, config }])
    },
    close: async () => {
      admin.close()
      await database.close()
      await Promise.all([kafka.kill(), postgres.kill()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const bytesOf = ({ topic, key, record }: Message) => {
  const known = topicByName(topic)
  if (known === undefined) throw new Error(`there is no topic ${topic}`)
  if (typeof record === "string") return { topic, key: key ?? null, value: record }
  return { topic, key: key ?? known.key(record), value: recordEncoder(known)(record) }
}

const places = topics.flatMap(({ name }) =>
  Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
)

/** Where every partition ends; asked with more patience than a tick has. */
const endsOf = async (admin: Admin): Promise<Cut> => {
  const bounds = await admin.bounds(places)
  return Object.fromEntries(
    topics.map(({ name }) => [
      name,
      Object.fromEntries(
        places.flatMap(({ topic, partition }, place) =>
          topic === name ? [[String(partition), bounds[place]?.end ?? 0] as const] : [],
        ),
      ),
    ]),
  )
}

/** One tick of an evaluator that has read everything that Kafka has. */
const decide = async (
  kafka: KafkaConnection,
  policies: ReadonlyArray<RecordedPolicy>,
): Promise<ReadonlyArray<Alert>> => {
  const admin = openAdmin(kafka)
  const reader = await openEventReader({ kafka, admin, topics })
  const state = createEvaluator({ policies })
  try {
    const ends = await endsOf(admin)
    const isRead = (): boolean =>
      Object.entries(ends).every(([topic, offsets]) =>
        Object.entries(offsets).every(
          ([partition, end]) => (state.next.get(topic)?.get(Number(partition)) ?? 0) >= end,
        ),
      )
    while (!isRead())
      for (const { topic, partition, next_offset, event } of await reader.next()) {
        if (event !== null) fold(state, event)
        advance(state, topic, partition, next_offset)
      }
    return tick(state, { now_ms: Date.now(), ends, paused: false }).alerts
  } finally {
    await reader.close()
    admin.close()
  }
}

/** Runs the history writer until it has everything. */
const recordAll = async (kafka: KafkaConnection, url: string): Promise<void> => {
  const admin = openAdmin(kafka)
  const database = openDatabase(url, { applicationName: "history-writer", role: "landfall_writer" })
  const bounds = await admin.bounds(places)
  const { promise: recorded, resolve, reject } = Promise.withResolvers<void>()
  const look = (): void => {
    const now = writer.partitions()
    const isThere = places.every(({ topic, partition }, place) => {
      const at = now.find((one) => one.topic === topic && one.partition === partition)
      return (at?.next_offset ?? -1) >= (bounds[place]?.end ?? 0)
    })
    if (isThere) resolve()
  }
  await database.transaction((transaction) => claimSnapshotVersions(transaction, projections))
  const writer = await startHistoryWriter({
    kafka,
    groupId: "history-writer",
    topics,
    admin,
    database,
    now: Date.now,
    limits: defaultLimits,
    onEvent: (event) => {
      if (event.type === "written" || event.type === "assigned") look()
    },
  })
  writer.done.catch(reject)
  await recorded
  await writer.stop()
  await database.close()
  admin.close()
}

const deleteTopic = async (brokers: string, topic: string): Promise<void> => {
  const client = kafkaClient.AdminClient.create({ "bootstrap.servers": brokers })
  try {
    await asked<unknown>("deleting a topic", (done) =>
      client.deleteTopic(topic, 10_000, (error) => done(error, undefined)),
    )
    for (;;) {
      const names = await asked<ReadonlyArray<string>>("listing topics", (done) =>
        client.listTopics({ timeout: 10_000 }, done as never),
      )
      if (!names.includes(topic)) return
    }
  } finally {
    client.disconnect()
  }
}
