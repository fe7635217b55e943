import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Endpoint, endpoint } from "@landfall/adapters/config/endpoint"
import { kafkaOf, kafkaProblems } from "@landfall/adapters/config/kafka-settings"
import { reveal } from "@landfall/adapters/config/secret"
import { type Environment, loadSettings } from "@landfall/adapters/config/settings"
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
  /** A variable of the services, or what the running sandbox has in its place; null when neither says. */
  readonly address: (variable: keyof typeof sandboxFields) => string | null
  readonly close: () => Promise<void>
}

/** What the running sandbox calls the parts that services know by a variable. */
const sandboxFields = {
  DATABASE_URL: "database_url",
  KAFKA_BROKERS: "kafka_brokers",
  BITCOIN_OBSERVER_URL: "bitcoin_observer_url",
  GNOSIS_OBSERVER_URL: "gnosis_observer_url",
  BRIDGE_URL: "bridge",
} as const

const sandboxFile = fileURLToPath(new URL("../../../.sandbox/connections.json", import.meta.url))
const clientId = "landfall-cli"

/** Opens nothing yet; complains at once about settings that are not usable. */
export const openConnections = (options: {
  readonly env: Environment
  readonly note: (text: string) => void
  readonly file?: string
}): Connections => {
  const { env, note, file = sandboxFile } = options
  const settings = loadSettings(settingsTable, env, kafkaProblems)
  const closing: Array<() => unknown> = []
  const told = new Set<string>()
  const tell = (text: string): void => {
    if (!told.has(text)) note(text)
    told.add(text)
  }
  let sandbox: Readonly<Record<string, string>> | null | undefined
  const fromSandbox = (variable: keyof typeof sandboxFields): string | null => {
    if (sandbox === undefined) sandbox = readSandbox(file)
    return sandbox?.[sandboxFields[variable]] ?? null
  }
  const missing = (variable: string): CommandFailed =>
    new CommandFailed(`${variable} is not set and no sandbox is running here: set it, or run \`npm start\``)

  const databaseAddress = (): Endpoint => {
    if (settings.DATABASE_URL !== null) return settings.DATABASE_URL
    const url = fromSandbox("DATABASE_URL")
    if (url === null) throw missing("DATABASE_URL")
    return endpoint(url)
  }
  const databases = new Map<string | null, Database>()
  const connection = (): KafkaConnection => {
    const brokers = settings.KAFKA_BROKERS ?? fromSandbox("KAFKA_BROKERS")?.split(",") ?? null
    if (brokers === null) throw missing("KAFKA_BROKERS")
    const source = settings.KAFKA_BROKERS === null ? "the running sandbox" : "KAFKA_BROKERS"
    tell(`Kafka: ${brokers.join(",")} (${source})`)
    return kafkaOf({ ...settings, KAFKA_BROKERS: brokers }, clientId)
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
    address: (variable) => env[variable] || fromSandbox(variable),
    close: async () => {
      await Promise.allSettled(closing.splice(0).map((close) => close()))
    },
  }
}

/** The addresses in the file of a sandbox that is running; null without one. */
const readSandbox = (file: string): Readonly<Record<string, string>> | null => {
  let parsed: Readonly<Record<string, unknown>>
  try {
    parsed = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>
  } catch {
    return null
  }
  if (typeof parsed["pid"] !== "number" || !isRunning(parsed["pid"])) return null
  const texts = Object.entries(parsed).flatMap(([name, value]) => {
    const url = typeof value === "object" && value !== null && "url" in value ? value.url : value
    return typeof url === "string" ? [[name, url] as const] : []
  })
  return Object.fromEntries(texts)
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
