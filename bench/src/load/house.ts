import { join } from "node:path"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { type Verification, verifyRecord } from "@landfall/adapters/verify/verify-record"
import { topics } from "@landfall/domain/registry"
import { type RunningService, startService } from "@landfall/sandbox/stack/services"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { type Postgres, startPostgres } from "@landfall/setup/parts/postgres"
import type { Produced } from "../observations.ts"

/** A broker and a database server of one benchmark. */
export interface House {
  readonly kafka: Kafka
  readonly connection: KafkaConnection
  readonly postgres: Postgres
  readonly folder: string
}

export interface HouseOptions {
  readonly folder: string
  readonly stack: AsyncDisposableStack
  /** Of every topic. */
  readonly partitions: number
  readonly postgres?: Readonly<Record<string, string | number>>
  readonly kafka?: Readonly<Record<string, string | number>>
}

/** Starts both, with the topics; they end with the stack. */
export const openHouse = async (options: HouseOptions): Promise<House> => {
  const { folder, stack, partitions } = options
  const [kafka, postgres] = await Promise.all([
    startKafka({ dir: join(folder, "kafka"), settings: options.kafka ?? {} }),
    startPostgres({ dir: join(folder, "postgres"), settings: options.postgres ?? {} }),
  ])
  stack.defer(() => Promise.all([kafka.stop(), postgres.stop()]).then(() => {}))
  const connection: KafkaConnection = { brokers: kafka.brokers, clientId: "bench" }
  const admin = openAdmin(connection)
  await admin.create(topics.map(({ name }) => ({ name, partitions })))
  admin.close()
  return { kafka, connection, postgres, folder }
}

/** A database with the tables of the record, and none of the rows. */
export const openRecord = async ({ postgres }: House, name: string): Promise<string> => {
  const url = await postgres.createDatabase(name)
  const owner = openDatabase(url, { applicationName: "bench" })
  await migrate(owner)
  await owner.close()
  return url
}

/** The real history-writer as a process; it lives when this resolves, and may have much to do before it is ready. */
export const startWriter = (
  { kafka, folder }: House,
  databaseUrl: string,
  group: string,
  number: number,
): Promise<RunningService> =>
  startService(
    "history-writer",
    { KAFKA_BROKERS: kafka.brokers, DATABASE_URL: databaseUrl, KAFKA_GROUP_ID: group },
    join(folder, `${group}-${number}`),
    "live",
  )

/** Sends messages to a topic, and gives how many bytes their values have. */
export const fill = async (
  { connection }: House,
  topic: string,
  messages: Iterable<Produced>,
): Promise<number> => {
  const producer = await openBulkProducer(connection)
  let bytes = 0
  const all = function* () {
    for (const { key, value } of messages) {
      bytes += value.length
      yield { topic, key, value }
    }
  }
  await producer.send(all())
  await producer.close()
  return bytes
}

/** `landfall verify` without the alerts: throws unless the record is intact and has so many events, each once. */
export const requireComplete = async (
  databaseUrl: string,
  evidence: number,
  kafka: KafkaConnection | null,
): Promise<Verification> => {
  const database = openDatabase(databaseUrl, { applicationName: "bench-verify", role: "landfall_auditor" })
  const admin = kafka === null ? null : openAdmin(kafka)
  try {
    const found = await verifyRecord(
      database,
      kafka === null || admin === null ? {} : { kafka: { kafka, admin } },
    )
    const { differenceCount, differences, gapCount, duplicates, deadLetters, notes } = found
    if (found.evidence !== evidence || differenceCount + gapCount + duplicates + deadLetters > 0)
      throw new Error(
        `the record has ${found.evidence} events of ${evidence}, ${duplicates} duplicates, ${deadLetters} dead letters, ${gapCount} gaps and ${differenceCount} differences: ${JSON.stringify([...differences, ...notes]).slice(0, 500)}`,
      )
    return found
  } finally {
    admin?.close()
    await database.close()
  }
}
