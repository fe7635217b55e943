import { readFileSync } from "node:fs"
import { connect as connectPlain, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import { type KafkaConnection, KafkaError } from "./configuration.ts"

/** The settings of a topic by their Kafka names; null stands for a value that is not shown. */
export type TopicSettings = ReadonlyMap<string, string | null>

/** The client library cannot ask for topic settings, and this one question speaks no SASL. */
export class SettingsNotAsked extends Error {
  override readonly name = "SettingsNotAsked"
}

const describeConfigs = { key: 32, version: 1 }
const topicResource = 2
/** For the whole answer of one broker, however slowly it comes. */
const defaultTimeoutMs = 5_000
/** A topic has some forty settings of a few bytes; more than this is no answer to the question. */
const answerBytesMax = 4 * 1024 * 1024

/**
 * The settings of topics as a broker has them (DescribeConfigs, version 1 of Kafka's protocol). Throws
 * {@link SettingsNotAsked} where a user is needed, and a KafkaError when the broker refuses.
 */
export const readTopicSettings = async (
  connection: KafkaConnection,
  topics: ReadonlyArray<string>,
  timeoutMs = defaultTimeoutMs,
): Promise<ReadonlyMap<string, TopicSettings>> => {
  if (connection.security?.user != null)
    throw new SettingsNotAsked(
      "topic settings were not looked at, because Kafka wants a user: see them with kafka-configs.sh --describe --entity-type topics",
    )
  const brokers = connection.brokers.split(",").map((broker) => broker.trim())
  for (const [place, broker] of brokers.entries()) {
    try {
      return readAnswer(await exchange(connection, broker, request(connection.clientId, topics), timeoutMs))
    } catch (error) {
      if (place === brokers.length - 1)
        throw new KafkaError(`asking ${broker} for the settings of topics`, error)
    }
  }
  return new Map()
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, "utf8")
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const request = (clientId: string, topics: ReadonlyArray<string>): Buffer => {
  const head = Buffer.alloc(8)
  head.writeInt16BE(describeConfigs.key, 0)
  head.writeInt16BE(describeConfigs.version, 2)
  head.writeInt32BE(1, 4) // correlation id: there is one question a connection
  const allSettings = int32(-1)
  const withoutSynonyms = Buffer.of(0)
  const body = Buffer.concat([
    head,
    text(clientId),
    int32(topics.length),
    ...topics.map((topic) => Buffer.concat([Buffer.of(topicResource), text(topic), allSettings])),
    withoutSynonyms,
  ])
  return Buffer.concat([int32(body.length), body])
}

const socketTo = ({ security }: KafkaConnection, broker: string): Socket => {
  const colon = broker.lastIndexOf(":")
  const host = broker.slice(0, colon).replace(/^\[|\]$/g, "")
  const port = Number(broker.slice(colon + 1))
  if (security?.protocol !== "ssl") return connectPlain(port, host)
  const pem = (path: string | null) => (path === null ? undefined : readFileSync(path))
  const [ca, cert, key] = [pem(security.ca), pem(security.certificate), pem(security.key)]
  return connectTls({
    host,
    port,
    servername: host,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  })
}

/** Sends one request and gives the body of the answer. */
const exchange = (
  connection: KafkaConnection,
  broker: string,
  bytes: Buffer,
  timeoutMs: number,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = socketTo(connection, broker)
    let received = Buffer.alloc(0)
    const fail = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    const late = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    socket.on("error", fail)
    socket.once("close", () => {
      clearTimeout(late)
      reject(new Error("the broker closed the connection without an answer"))
    })
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4) return
      const length = received.readInt32BE(0)
      if (length < 4 || length > answerBytesMax) return fail(new Error("what came is no answer of Kafka"))
      if (received.length < 4 + length) return
      socket.destroy()
      resolve(received.subarray(8, 4 + length)) // after the length and the correlation id
    })
    socket.write(bytes)
  })

/** Reads the fields of an answer in their order. */
const reader = (bytes: Buffer) => {
  let at = 0
  const take = (length: number): number => {
    at += length
    return at - length
  }
  const int16 = (): number => bytes.readInt16BE(take(2))
  const nullable = (): string | null => {
    const length = int16()
    if (length < 0) return null
    const from = take(length)
    return bytes.toString("utf8", from, from + length)
  }
  return { int8: () => bytes.readInt8(take(1)), int16, int32: () => bytes.readInt32BE(take(4)), nullable }
}

const readAnswer = (bytes: Buffer): ReadonlyMap<string, TopicSettings> => {
  const { int8, int16, int32: int, nullable } = reader(bytes)
  int() // throttle time
  const found = new Map<string, TopicSettings>()
  for (let topics = int(); topics > 0; topics--) {
    const code = int16()
    const words = nullable()
    int8() // resource type
    const topic = nullable() ?? ""
    if (code !== 0) throw new Error(`${topic}: ${words ?? "refused"} (error ${code})`)
    const settings = new Map<string, string | null>()
    for (let count = int(); count > 0; count--) {
      const name = nullable() ?? ""
      settings.set(name, nullable())
      int8() // read only
      int8() // where it is set
      int8() // sensitive
      for (let synonyms = int(); synonyms > 0; synonyms--) {
        nullable()
        nullable()
        int8()
      }
    }
    found.set(topic, settings)
  }
  return found
}
