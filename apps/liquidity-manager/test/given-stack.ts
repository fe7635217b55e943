import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openConsumer } from "@landfall/adapters/kafka/consumer"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordDecoder } from "@landfall/domain/codec"
import { topics } from "@landfall/domain/registry"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { until } from "@landfall/sandbox/until"
import { type Bitcoind, startBitcoind } from "@landfall/setup/parts/bitcoind"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { type Leashed, spawnLeashed } from "@landfall/setup/parts/leash"
import { startPostgres } from "@landfall/setup/parts/postgres"
import { createTopics } from "@landfall/setup/parts/topics"
import { givenBridge } from "./given-bridge.ts"

const account = "desk.near"
const apps = fileURLToPath(new URL("../../", import.meta.url))

/** A service as a process of its own. */
export interface GivenProcess {
  readonly child: Leashed
  readonly log: () => Promise<string>
  /** What `GET` answers at the path. */
  readonly get: <Answer>(path: string) => Promise<Answer>
}

/** Real Kafka, PostgreSQL and bitcoind, a bridge, and the services as processes. */
export interface Stack extends AsyncDisposable {
  readonly kafka: Kafka
  readonly bitcoind: Bitcoind
  readonly bridge: Awaited<ReturnType<typeof givenBridge>>
  readonly start: (name: string, env?: Readonly<Record<string, string>>) => Promise<GivenProcess>
  /** What the topic holds: committed observations, each partition in its order. */
  readonly observations: () => Promise<ReadonlyArray<FundingObservation>>
}

const partitions = 2

/** Starts everything but the services; all of it ends when it is disposed of. */
export const givenStack = async (): Promise<Stack> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-liquidity-manager-"))
  const [kafka, postgres, bitcoind, bridge] = await Promise.all([
    startKafka({ dir: join(dir, "kafka") }),
    startPostgres({ dir: join(dir, "postgres"), settings: { fsync: "off" } }),
    startBitcoind({ dir: join(dir, "bitcoind") }),
    givenBridge(account),
  ])
  await createTopics(
    kafka.brokers,
    topics.map(({ name }) => ({ topic: name, partitions })),
  )
  const url = await postgres.createDatabase("landfall")
  const owner = openDatabase(url, { applicationName: "set-up" })
  await migrate(owner)
  await owner.close()
  const running: Leashed[] = []

  const start: Stack["start"] = async (name, env = {}) => {
    const file = join(dir, `${name}-${running.length}.log`)
    const child = await spawnLeashed(process.execPath, [join(apps, name, "src", "main.ts")], {
      log: file,
      env: {
        KAFKA_BROKERS: kafka.brokers,
        DATABASE_URL: url,
        BITCOIN_OBSERVER_URL: bitcoind.url,
        BITCOIN_NETWORK: "regtest",
        BRIDGE_URL: bridge.url,
        ACCOUNT_ID: account,
        POLL_INTERVAL_MS: "100",
        BRIDGE_INTERVAL_MS: "100",
        HANDLE_INTERVAL_MS: "100",
        HTTP_PORT: "0",
        ...env,
      },
    })
    running.push(child)
    const log = (): Promise<string> => readFile(file, "utf8")
    const get: GivenProcess["get"] = async (path) => {
      const listening = (await log()).split("\n").find((line) => line.includes('"msg":"listening"'))
      if (listening === undefined) throw new Error(`${name} does not listen yet`)
      const answer = await fetch(`${(JSON.parse(listening) as { url: string }).url}${path}`)
      if (!answer.ok) throw new Error(`${name} answered ${answer.status}`)
      return (await answer.json()) as never
    }
    return { child, log, get }
  }

  return {
    kafka,
    bitcoind,
    bridge,
    start,
    observations: () => readObservations(kafka.brokers),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((child) => child.kill()))
      await Promise.all([kafka.kill(), postgres.kill(), bitcoind.kill()])
      bridge.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Resolves once the process is ready to decide. */
export const ready = (process: GivenProcess): Promise<unknown> =>
  until("the service is ready", () => process.get("/health/ready"))

const readObservations = async (brokers: string): Promise<ReadonlyArray<FundingObservation>> => {
  const topic = fundingObservationTopic.name
  const decode = recordDecoder(fundingObservationTopic)
  const connection = { brokers, clientId: "test" }
  const admin = openAdmin(connection)
  const ats = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const bounds = await admin.bounds(ats)
  admin.close()
  const consumer = await openConsumer(connection, { group: null, waitMs: 50, queuedBytesMax: 8_388_608 })
  consumer.assign(ats.map((at, index) => ({ ...at, offset: bounds[index]?.earliest ?? 0 })))
  const found: FundingObservation[] = []
  const isRead = (): boolean => ats.every((at) => consumer.endOf(topic, at.partition)?.reached !== null)
  while (!isRead() || consumer.endOf(topic, 0) === null) {
    for (const { value } of await consumer.consume(1_000)) {
      const decoded = decode(value)
      if (!decoded.ok) throw new Error(`the topic holds what is no observation: ${decoded.reason}`)
      found.push(decoded.record)
    }
  }
  await consumer.close()
  return found
}
