import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Endpoint, endpoint } from "@landfall/adapters/config/endpoint"
import { kafkaOf, kafkaProblems } from "@landfall/adapters/config/kafka-settings"
import { reveal, type Secret, secret } from "@landfall/adapters/config/secret"
import { type Environment, loadSettings } from "@landfall/adapters/config/settings"
import { offsetBases } from "@landfall/adapters/history/generations"
import { type Admin, openAdmin } from "@landfall/adapters/kafka/admin"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { CommandFailed } from "./exit-codes.ts"
import { settingsTable } from "./settings.ts"

/** The roles that commands act as: one that reads, one that writes, one that decides about dead letters. */
export type Role = "landfall_auditor" | "landfall_writer" | "landfall_operator"

/** The systems that a command talks to, each opened when it is first asked for and closed at the end of the run. */
export interface Connections {
  /** The database; null acts as the login itself, which only migrations need. */
  readonly database: (role: Role | null) => Database
  readonly kafka: () => KafkaConnection
  readonly admin: () => Admin
  /** Whether Kafka is named by the environment or a sandbox; without it some answers tell less. */
  readonly hasKafka: () => boolean
  /** The address in a variable of the services, or what the running sandbox has in its place; null when neither says. */
  readonly address: (variable: keyof typeof sandboxFields) => Endpoint | null
  /** The services of the running sandbox; none without one. */
  readonly services: () => ReadonlyArray<SandboxService>
  readonly close: () => Promise<void>
}

/** A service of the running sandbox. */
export interface SandboxService {
  readonly name: string
  readonly url: Endpoint
  readonly token: Secret
}

/** What the running sandbox calls the parts that services know by a variable. */
const sandboxFields = {
  DATABASE_URL: "database_url",
  KAFKA_BROKERS: "kafka_brokers",
  BITCOIN_OBSERVER_URL: "bitcoin_observer_url",
  GNOSIS_OBSERVER_URL: "gnosis_observer_url",
  BRIDGE_URL: "bridge",
} as const

const sandboxFolder = fileURLToPath(new URL("../../../.sandbox/", import.meta.url))
const clientId = "landfall-cli"

/** Opens nothing yet; complains at once about settings that are not usable. */
export const openConnections = (options: {
  readonly env: Environment
  readonly note: (text: string) => void
}): Connections => {
  const { env, note } = options
  const settings = loadSettings(settingsTable, env, kafkaProblems)
  const file = join(settings.SANDBOX_DIR ?? sandboxFolder, "connections.json")
  const closing: Array<() => unknown> = []
  const told = new Set<string>()
  const tell = (text: string): void => {
    if (!told.has(text)) note(text)
    told.add(text)
  }
  let sandbox: Sandbox | null | undefined
  const sandboxNow = (): Sandbox | null => {
    if (sandbox === undefined) sandbox = readSandbox(file)
    return sandbox
  }
  const fromSandbox = (variable: keyof typeof sandboxFields): string | null =>
    sandboxNow()?.addresses[sandboxFields[variable]] ?? null
  const missing = (variable: string): CommandFailed =>
    new CommandFailed(`${variable} is not set and no sandbox is running here: set it, or run \`npm start\``)

  const databaseAddress = (): Endpoint => {
    if (settings.DATABASE_URL !== null) return settings.DATABASE_URL
    const url = fromSandbox("DATABASE_URL")
    if (url === null) throw missing("DATABASE_URL")
    return endpoint(url)
  }
  const databases = new Map<string | null, Database>()
  const hasDatabase = (): boolean => settings.DATABASE_URL !== null || fromSandbox("DATABASE_URL") !== null
  // On a connection of its own: it is asked for in the midst of transactions on the others.
  const bases = offsetBases(() =>
    openDatabase(reveal(databaseAddress().url), {
      applicationName: clientId,
      role: settings.DATABASE_ROLE ?? "landfall_auditor",
    }),
  )
  const connection = (): KafkaConnection => {
    const brokers = settings.KAFKA_BROKERS ?? fromSandbox("KAFKA_BROKERS")?.split(",") ?? null
    if (brokers === null) throw missing("KAFKA_BROKERS")
    const source = settings.KAFKA_BROKERS === null ? "the running sandbox" : "KAFKA_BROKERS"
    tell(`Kafka: ${brokers.join(",")} (${source})`)
    const kafka = kafkaOf({ ...settings, KAFKA_BROKERS: brokers }, clientId)
    return hasDatabase() ? { ...kafka, bases } : kafka
  }
  let admin: Admin | null = null

  return {
    database: (wanted) => {
      const role = wanted === null ? null : (settings.DATABASE_ROLE ?? wanted)
      const known = databases.get(role)
      if (known !== undefined) return known
      const address = databaseAddress()
      const source = settings.DATABASE_URL === null ? "the running sandbox" : "DATABASE_URL"
      tell(`database: ${address.shown}${role === null ? "" : ` as ${role}`} (${source})`)
      const database = openDatabase(reveal(address.url), {
        applicationName: clientId,
        ...(role === null ? {} : { role }),
      })
      databases.set(role, database)
      closing.push(() => database.close())
      return database
    },
    kafka: connection,
    admin: () => {
      if (admin !== null) return admin
      const opened = openAdmin(connection())
      admin = opened
      closing.push(() => opened.close())
      return opened
    },
    hasKafka: () => settings.KAFKA_BROKERS !== null || fromSandbox("KAFKA_BROKERS") !== null,
    address: (variable) => {
      const text = env[variable] || fromSandbox(variable)
      if (text === null) return null
      if (!URL.canParse(text)) throw new CommandFailed(`${variable} is not a URL`)
      return endpoint(text)
    },
    services: () => sandboxNow()?.services ?? [],
    close: async () => {
      await Promise.allSettled(closing.splice(0).map((close) => close()))
    },
  }
}

interface Sandbox {
  readonly addresses: Readonly<Record<string, string>>
  readonly services: ReadonlyArray<SandboxService>
}

/** What the file of a sandbox that is running says; null without one. */
const readSandbox = (file: string): Sandbox | null => {
  let parsed: Readonly<Record<string, unknown>>
  try {
    parsed = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>
  } catch {
    return null
  }
  if (typeof parsed["pid"] !== "number" || !isRunning(parsed["pid"])) return null
  const addresses = Object.entries(parsed).flatMap(([name, value]) => {
    const url = fieldOf(value, "url") ?? value
    return typeof url === "string" ? [[name, url] as const] : []
  })
  const services = Object.entries(parsed["services"] ?? {}).flatMap(([name, value]) => {
    const [url, token] = [fieldOf(value, "url"), fieldOf(value, "control_token")]
    return typeof url === "string" && typeof token === "string"
      ? [{ name, url: endpoint(url), token: secret(token) }]
      : []
  })
  return { addresses: Object.fromEntries(addresses), services }
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
