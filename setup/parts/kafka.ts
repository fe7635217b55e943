import { mkdir, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { resolve as absolute, join } from "node:path"
import { exists, formatted, newClusterId } from "./kafka-format.ts"
import { type Leashed, spawnLeashed } from "./leash.ts"
import { type Part, startPart } from "./part.ts"
import { toolsFolder } from "./paths.ts"
import { freePorts } from "./ports.ts"
import { waitUntilReady } from "./ready.ts"
import { runToEnd } from "./run-to-end.ts"

export interface KafkaOptions {
  /** Data, settings and log go here. */
  readonly dir: string
  readonly port?: number
  /** Where clients are told to connect, when a proxy on 127.0.0.1 stands in front. */
  readonly advertisedPort?: number
  readonly controllerPort?: number
  /** Of the cluster that it forms or joins, for a first start; one of its own unless told. */
  readonly clusterId?: string
  /** Broker settings by their Kafka names, over the ones below. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** Users that exist from the beginning, as `kafka-storage.sh format --add-scram` takes them. */
  readonly scram?: readonly string[]
  /** Flags of the Java machine, instead of the small ones for sandbox and tests. */
  readonly javaFlags?: readonly string[]
  /** How long it may take to stop in order before it is killed. */
  readonly stopTimeoutMs?: number
}

export interface Kafka extends Part {
  /** `host:port` as `KAFKA_BROKERS` wants it. */
  readonly brokers: string
  readonly port: number
}

/** Kafka's jars as set-up fetched them, and beside them what goes when they are fetched anew. */
const fetchedJars = join(toolsFolder, "kafka", "lib")
const formattedFolder = join(fetchedJars, "formatted")
/** The classes that a broker loads, as Java keeps them ready; set-up makes it for tests, which start many brokers. */
export const kafkaArchive = join(fetchedJars, "kafka.jsa")

const startTimeoutMs = 60_000
const defaultStopTimeoutMs = 30_000
const answerTimeoutMs = 1_000
export const smallJava = ["-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]

/** Starts Apache Kafka (KRaft, one node that is broker and controller) and resolves when it accepts clients. */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const dir = absolute(options.dir)
  const [anyPort, anyControllerPort] = await freePorts(2)
  const port = options.port ?? anyPort
  const controllerPort = options.controllerPort ?? anyControllerPort
  if (port === undefined || controllerPort === undefined)
    throw new Error("no free port for Kafka on 127.0.0.1")
  const reached = options.advertisedPort ?? port
  const advertised = { "advertised.listeners": `PLAINTEXT://127.0.0.1:${reached}` }
  const settingsFile = join(dir, "server.properties")
  const log = join(dir, "kafka.log")
  const data = join(dir, "data")
  await mkdir(dir, { recursive: true })
  await writeFile(
    settingsFile,
    properties({ ...ownSettings(port, controllerPort, data), ...advertised, ...options.settings }),
  )
  const java = await javaCommand(options.javaFlags ?? [...smallJava, ...(await sharedClasses())])

  if (!(await exists(join(data, "meta.properties")))) {
    const clusterId = options.clusterId ?? newClusterId()
    const users = options.scram ?? []
    await formatted({
      data,
      clusterId,
      nodeId: String(options.settings?.["node.id"] ?? 1),
      // Joined with `=`, because an id may begin with a minus.
      format: () =>
        runToEnd(
          java.command,
          [
            ...[
              ...java.args,
              "kafka.tools.StorageTool",
              "format",
              `--cluster-id=${clusterId}`,
              "-c",
              settingsFile,
            ],
            ...users.flatMap((user) => ["--add-scram", user]),
          ],
          { log },
        ),
      kept: users.length > 0 || process.env["KAFKA_HOME"] ? null : formattedFolder,
    })
  }

  const start = async (): Promise<Leashed> => {
    const child = await spawnLeashed(java.command, [...java.args, "kafka.Kafka", settingsFile], { log })
    await waitUntilReady("Kafka", child, log, startTimeoutMs, () => answersClients(port))
    return child
  }
  const part = await startPart(log, start, {
    stop: (child) => child.stop("SIGTERM", options.stopTimeoutMs ?? defaultStopTimeoutMs),
    kill: (child) => child.kill(),
  })
  return Object.assign(part, { brokers: `127.0.0.1:${reached}`, port })
}

function ownSettings(
  port: number,
  controllerPort: number,
  data: string,
): Record<string, string | number | boolean> {
  return {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": data,
    // A misspelled topic must fail, not appear.
    "auto.create.topics.enable": false,
    // One node keeps one copy of everything.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    // After a kill the controller refuses the broker until its old session ends, 9 seconds by default.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    // A lone consumer need not wait for others to join.
    "group.initial.rebalance.delay.ms": 0,
  }
}

function properties(settings: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${String(value).replaceAll("\\", "\\\\")}\n`)
    .join("")
}

/** Runs one of Kafka's own command-line tools, by its Java class, to its end. */
export async function runKafkaTool(tool: string, args: readonly string[], log: string): Promise<void> {
  const java = await javaCommand(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
  await runToEnd(java.command, [...java.args, tool, ...args], { log })
}

/** Java with Kafka's jars: those that set-up fetched, or an installation named by `KAFKA_HOME`. */
async function javaCommand(flags: readonly string[]): Promise<{ command: string; args: readonly string[] }> {
  const { KAFKA_HOME, JAVA_HOME } = process.env
  const jars = KAFKA_HOME ? join(KAFKA_HOME, "libs") : fetchedJars
  if (!(await exists(jars))) {
    throw new Error(
      `Kafka's jars are not in ${jars}: run \`npm run setup\`, or set KAFKA_HOME to a Kafka installation`,
    )
  }
  return {
    command: JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java",
    args: [...flags, "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", join(jars, "*")],
  }
}

/** Fails unless Java takes the archive of classes: one that it was killed over while it wrote is there, and worth nothing. */
export async function requireArchive(archive: string, log: string): Promise<void> {
  const flags = [...smallJava, "-Xshare:on", `-XX:SharedArchiveFile=${archive}`]
  const java = await javaCommand(flags)
  await runToEnd(java.command, [...java.args, "-version"], { log })
}

/** Java goes on without an archive that another Java made, or that was made of other jars. */
async function sharedClasses(): Promise<readonly string[]> {
  if (process.env["KAFKA_HOME"] || !(await exists(kafkaArchive))) return []
  return ["-Xshare:auto", `-XX:SharedArchiveFile=${kafkaArchive}`]
}

/** Asks for the broker's API versions, the first request of every client: an answer means that it accepts them. */
function answersClients(port: number): Promise<boolean> {
  const request = Buffer.alloc(14)
  request.writeInt32BE(10, 0) // size of what follows
  request.writeInt16BE(18, 4) // ApiVersions
  request.writeInt16BE(0, 6) // its version
  request.writeInt32BE(1, 8) // correlation id
  request.writeInt16BE(-1, 12) // no client id
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request))
    const answer = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket.once("data", () => answer(true))
    socket.once("error", () => answer(false))
    socket.once("close", () => answer(false))
    socket.setTimeout(answerTimeoutMs, () => answer(false))
  })
}
