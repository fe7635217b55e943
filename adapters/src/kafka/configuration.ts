import { reveal, type Secret } from "../config/secret.ts"

/** How to reach Kafka; what librdkafka calls the rest is set where it is used. */
export interface KafkaConnection {
  /** `host:port`, comma-separated. */
  readonly brokers: string
  readonly clientId: string
  /** Without it, neither encrypted nor as a user. */
  readonly security?: KafkaSecurity
  /** What makes positions of Kafka's offsets; without it the two are the same. */
  readonly bases?: () => Promise<OffsetBases>
}

/**
 * What is added to Kafka's offsets of a partition, by `topic/partition`, where a recreated topic goes on with the log of the
 * one before; 0 for those that are not named. All above this folder speaks of positions alone.
 */
export type OffsetBases = ReadonlyMap<string, number>

/** The bases of a connection. */
export const basesOf = async ({ bases }: KafkaConnection): Promise<OffsetBases> =>
  bases === undefined ? new Map() : bases()

/** Things that have an offset, by Kafka's own or by position: the one made the other by adding or taking away the base. */
export const shifted = <
  At extends { readonly topic: string; readonly partition: number; readonly offset: number },
>(
  items: ReadonlyArray<At>,
  bases: OffsetBases,
  sign: 1 | -1,
): ReadonlyArray<At> => {
  if (bases.size === 0) return items
  return items.map((item) => {
    const base = bases.get(`${item.topic}/${item.partition}`) ?? 0
    return base === 0 ? item : { ...item, offset: item.offset + sign * base }
  })
}

/** How connections are encrypted, and as whom; files are paths of PEM files. */
export interface KafkaSecurity {
  readonly protocol: "plaintext" | "ssl" | "sasl_plaintext" | "sasl_ssl"
  readonly user: { readonly name: string; readonly password: Secret; readonly mechanism: string } | null
  readonly ca: string | null
  readonly certificate: string | null
  readonly key: string | null
}

/** The group of a client that shares its partitions with nobody: it commits nothing, but the broker wants a name. */
export const readerGroup = (clientId: string): string => `${clientId}-reader`

/** What every client of ours has in common. */
export const common = (connection: KafkaConnection) => ({
  "metadata.broker.list": connection.brokers,
  "client.id": connection.clientId,
  // A restarted broker is back within seconds: waiting longer between attempts would only add to the gap.
  "reconnect.backoff.ms": 100,
  "reconnect.backoff.max.ms": 2_000,
  "topic.metadata.refresh.interval.ms": 30_000,
  // A topic created a moment ago may not be known to every broker yet.
  "topic.metadata.propagation.max.ms": 10_000,
  // Errors only, and to nobody but who listens: `connected` looks there for the reason of a failure.
  log_level: 3,
  ...(connection.security === undefined ? {} : secured(connection.security)),
})

/** What librdkafka calls it. It checks that a broker's certificate is for the name that was connected to. */
const secured = ({ protocol, user, ca, certificate, key }: KafkaSecurity) => ({
  "security.protocol": protocol,
  ...(user === null
    ? {}
    : {
        "sasl.mechanisms": user.mechanism,
        "sasl.username": user.name,
        "sasl.password": reveal(user.password),
      }),
  ...(ca === null ? {} : { "ssl.ca.location": ca }),
  ...(certificate === null ? {} : { "ssl.certificate.location": certificate }),
  ...(key === null ? {} : { "ssl.key.location": key }),
})

/** Kafka did not do what it was asked. */
export class KafkaError extends Error {
  override readonly name = "KafkaError"
  /** librdkafka's number: negative for the client's own errors, positive for the broker's. */
  readonly code: number
  constructor(message: string, cause: unknown) {
    super(`${message}: ${wordsOf(cause)}`, { cause })
    this.code =
      typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "number"
        ? cause.code
        : 0
  }
}

/** The client gives some of its errors as plain objects. */
const wordsOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "message" in cause ? String(cause.message) : String(cause)

const underWay = new Set<{ readonly what: string }>()

/** What Kafka's clients of this process have been asked and not answered yet, the oldest first. */
export const callsUnderWay = (): ReadonlyArray<string> => [...underWay].map(({ what }) => what)

/** Turns a callback of the native client into a promise whose rejection says what was asked. */
export const asked = <Value>(
  what: string,
  call: (done: (error: unknown, value: Value) => void) => void,
): Promise<Value> => {
  const question = { what }
  underWay.add(question)
  return new Promise<Value>((resolve, reject) => {
    call((error, value) => (error ? reject(new KafkaError(what, error)) : resolve(value)))
  }).finally(() => underWay.delete(question))
}

/** What trying longer does not change: certificates, users, passwords, and how the broker wants to be spoken to. */
const hopeless = /authentication|SSL|certificate|security\.protocol/i

/** The part of the native clients that connecting needs. */
interface Connecting {
  connect(options: { timeout: number }, done: (error: unknown, value: unknown) => void): unknown
  on(event: "event.log", listener: (line: { readonly message?: string }) => void): unknown
  removeListener(event: "event.log", listener: (line: { readonly message?: string }) => void): unknown
}

/**
 * Connects a client, or says why not. The client tells the reason only in its log: the attempt itself goes on until its
 * time is over, and then says no more than that the broker could not be reached.
 */
export const connected = async (what: string, client: Connecting, timeoutMs: number): Promise<void> => {
  const told = Promise.withResolvers<never>()
  const listen = ({ message = "" }: { readonly message?: string }): void => {
    if (hopeless.test(message)) told.reject(new KafkaError(what, { message, code: -195 }))
  }
  client.on("event.log", listen)
  try {
    const attempt = asked(what, (done) => client.connect({ timeout: timeoutMs }, done))
    attempt.catch(() => {}) // when the reason was told before, the attempt still ends in its own time
    await Promise.race([attempt, told.promise])
  } finally {
    client.removeListener("event.log", listen)
  }
}
