import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Fields } from "@landfall/adapters/config/field"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { settingsTable as historyWriter } from "@landfall/history-writer/settings"
import { settingsTable as inventorySync } from "@landfall/inventory-sync/settings"
import { settingsTable as liquidityManager } from "@landfall/liquidity-manager/settings"
import { settingsTable as marketReferenceIngest } from "@landfall/market-reference-ingest/settings"
import { settingsTable as opsSentinel } from "@landfall/ops-sentinel/settings"
import { startKafka } from "@landfall/setup/parts/kafka"
import { type Leashed, spawnLeashed } from "@landfall/setup/parts/leash"
import { startPostgres } from "@landfall/setup/parts/postgres"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll } from "vitest"
import { until } from "../../src/until.ts"

/** The settings of every service, by its name. */
export const services: Readonly<Record<string, Fields>> = {
  "history-writer": historyWriter,
  "inventory-sync": inventorySync,
  "liquidity-manager": liquidityManager,
  "market-reference-ingest": marketReferenceIngest,
  "ops-sentinel": opsSentinel,
}
export const serviceNames = Object.keys(services)

const apps = fileURLToPath(new URL("../../../", import.meta.url))

/** A service as a process, with the tokens that it was given. */
export interface Service {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly control: string
  readonly read: string
  readonly child: Leashed
  readonly log: () => Promise<string>
}

/** The value of a secret setting: it turns up nowhere else. */
export const canary = (service: string, name: string): string =>
  `canary-${service}-${name.toLowerCase().replaceAll("_", "-")}`

/** Another system that answers every question with what it was told: the credentials, the path, the body. */
export interface Parrot {
  readonly port: number
  /** The texts that it has heard: headers, addresses and bodies. */
  readonly heard: () => string
  readonly close: () => Promise<void>
}

const startParrot = async (): Promise<Parrot> => {
  const heard: string[] = []
  const server = createServer((request, response) => {
    const given = request.headers.authorization ?? ""
    const decoded = Buffer.from(given.replace(/^\S+ /, ""), "base64").toString("utf8")
    const words = `${given} ${decoded} ${request.url}`
    heard.push(words)
    // Now as a status, now as an answer of JSON-RPC: the words take different ways into errors.
    const status = heard.length % 2 === 0 ? 401 : 200
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(
        JSON.stringify({ jsonrpc: "2.0", id: "1", result: null, error: { code: -32_000, message: words } }),
      )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => heard.join("\n"),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Names of the settings of a service that hold a secret. */
export const secretNames = (service: string): ReadonlyArray<string> =>
  Object.entries(services[service] ?? {}).flatMap(([name, field]) => (field.kind.sensitive ? [name] : []))

export interface EveryService {
  readonly dir: string
  readonly parrot: Parrot
  readonly services: () => ReadonlyArray<Service>
  /** The same services, none of which reaches Kafka or its database. */
  readonly astray: () => ReadonlyArray<Service>
  /** Starts a service as a process, and resolves when it has begun. */
  readonly spawn: (
    name: string,
    env: Readonly<Record<string, string>>,
  ) => Promise<{ readonly child: Leashed; readonly log: () => Promise<string> }>
  /** The environment of a service in which every secret is a canary. */
  readonly environment: (name: string) => Readonly<Record<string, string>>
}

/** Where a process says that it listens. */
const listening = (name: string, log: () => Promise<string>): Promise<string> =>
  until(`${name} to listen`, async () => {
    const line = (await log()).split("\n").find((text) => text.includes('"msg":"listening"'))
    return line === undefined ? null : (JSON.parse(line) as { readonly url: string }).url
  })

/** Starts every service over real Kafka and PostgreSQL; whatever else it asks is the parrot. */
export const givenEveryService = (): EveryService => {
  const ends: Array<() => Promise<unknown>> = []
  const running: Service[] = []
  const astray: Service[] = []
  const given = { dir: "", brokers: "", databaseUrl: "", files: 0 }
  let parrot: Parrot | null = null
  const parrotNow = (): Parrot => {
    if (parrot === null) throw new Error("the parts are started before the first test")
    return parrot
  }

  const secretOf = (service: string, name: string): string => {
    const secret = canary(service, name)
    if (name === "DATABASE_URL") return given.databaseUrl.replace("postgres@", `postgres:${secret}@`)
    if (!name.endsWith("_URL")) return secret
    const prefix = name === "BITCOIN_SECOND_OBSERVER_URL" ? "esplora+" : ""
    return `${prefix}http://desk:${secret}-password@127.0.0.1:${parrotNow().port}/v2/${secret}-path?key=${secret}-query`
  }

  const environment: EveryService["environment"] = (name) => ({
    KAFKA_BROKERS: given.brokers,
    ACCOUNT_ID: "desk.near",
    BITCOIN_NETWORK: "regtest",
    LOG_LEVEL: "trace",
    HTTP_PORT: "0",
    ...Object.fromEntries(
      secretNames(name)
        // A user of Kafka is refused where Kafka knows none: it has a test of its own.
        .filter((setting) => setting !== "KAFKA_SASL_PASSWORD")
        .map((setting) => [setting, secretOf(name, setting)]),
    ),
  })

  const astrayEnvironment = (name: string): Readonly<Record<string, string>> => ({
    DATABASE_URL: `postgres://desk:${canary(name, "DATABASE_URL")}@127.0.0.1:${parrotNow().port}/landfall`,
    KAFKA_SECURITY_PROTOCOL: "sasl_plaintext",
    KAFKA_SASL_USERNAME: "desk",
    KAFKA_SASL_PASSWORD: canary(name, "KAFKA_SASL_PASSWORD"),
  })

  const spawn: EveryService["spawn"] = async (name, env) => {
    const file = join(given.dir, `${name}-${given.files++}.log`)
    const child = await spawnLeashed(process.execPath, [join(apps, name, "src", "main.ts")], {
      env: { ...env },
      log: file,
    })
    ends.push(() => child.kill())
    return { child, log: () => readFile(file, "utf8") }
  }

  const serve = async (name: string, more: Readonly<Record<string, string>> = {}): Promise<Service> => {
    const env = { ...environment(name), ...more }
    // One of the secrets is in a file, as a container would have it.
    const file = join(given.dir, `${name}.token`)
    await writeFile(file, env["CONTROL_TOKEN"] ?? "")
    const { CONTROL_TOKEN: control = "", ...others } = env
    const { child, log } = await spawn(name, { ...others, CONTROL_TOKEN_FILE: file })
    const url = await listening(name, log)
    return { name, url, port: Number(new URL(url).port), control, read: env["READ_TOKEN"] ?? "", child, log }
  }

  beforeAll(async () => {
    given.dir = await mkdtemp(join(tmpdir(), "landfall-every-service-"))
    ends.push(() => rm(given.dir, { recursive: true, force: true }))
    parrot = await startParrot()
    ends.push(parrot.close)
    const [kafka, postgres] = await Promise.all([
      startKafka({ dir: join(given.dir, "kafka") }),
      startPostgres({ dir: join(given.dir, "postgres"), settings: { fsync: "off" } }),
    ])
    ends.push(() => Promise.all([kafka.kill(), postgres.kill()]))
    given.brokers = kafka.brokers
    given.databaseUrl = await postgres.createDatabase("landfall")
    const owner = openDatabase(given.databaseUrl, { applicationName: "set-up" })
    await Promise.all([
      migrate(owner),
      createTopics(
        kafka.brokers,
        topics.map(({ name }) => ({ topic: name, partitions: 2 })),
      ),
    ])
    await owner.close()
    running.push(...(await Promise.all(serviceNames.map((name) => serve(name)))))
    // They need their time to give up, which they have while the others are looked at.
    astray.push(...(await Promise.all(serviceNames.map((name) => serve(name, astrayEnvironment(name))))))
  }, 180_000)
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  }, 60_000)

  return {
    get dir() {
      return given.dir
    },
    get parrot() {
      return parrotNow()
    },
    services: () => running,
    astray: () => astray,
    spawn,
    environment,
  }
}
