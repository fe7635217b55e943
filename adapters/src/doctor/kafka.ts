import { topics } from "@landfall/domain/registry"
import type { Checkpoint } from "../history/checkpoint.ts"
import type { Admin, PartitionBounds, TopicDescription } from "../kafka/admin.ts"
import { type KafkaConnection, KafkaError } from "../kafka/configuration.ts"
import { readTopicSettings, SettingsNotAsked, type TopicSettings } from "../kafka/topic-settings.ts"
import { type Finding, findingsOf, wordsOf } from "./finding.ts"
import { examineTransactions } from "./transactions.ts"

const { ok, wrong, unknown } = findingsOf("kafka")

const unknownTopic = 3

/**
 * Whether Kafka is there and has the topics, each the one that was read before, with nothing that cannot be read, and with settings
 * that keep what is evidence. Without a database `checkpoints` is empty.
 */
export const examineKafka = async (
  connection: KafkaConnection,
  admin: Admin,
  checkpoints: ReadonlyArray<Checkpoint>,
  now: () => number,
): Promise<ReadonlyArray<Finding>> => {
  const described = new Map<string, TopicDescription>()
  const missing: string[] = []
  for (const { name } of topics) {
    try {
      const [topic] = await admin.describe([name])
      if (topic !== undefined) described.set(name, topic)
    } catch (error) {
      if (!(error instanceof KafkaError) || error.code !== unknownTopic)
        return [wrong("reachable", wordsOf(error), "start Kafka, or set KAFKA_BROKERS to where it listens")]
      missing.push(name)
    }
  }
  return [
    ok("reachable", connection.brokers),
    missing.length === 0
      ? ok("topics", `${topics.length} topics`)
      : wrong(
          "topics",
          `missing: ${missing.join(", ")}`,
          "create them, each with the partitions that you want to share",
        ),
    ...identities(described, checkpoints),
    ...(await examineBounds(admin, described, checkpoints)),
    ...(await examineTransactions(connection, partitionsOf(described), now)),
    ...(await examineSettings(connection, [...described.keys()])),
  ]
}

const partitionsOf = (described: ReadonlyMap<string, TopicDescription>) =>
  [...described.values()].flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )

/** A topic that was deleted and created again has another id, and its offsets mean something else. */
const identities = (
  described: ReadonlyMap<string, TopicDescription>,
  checkpoints: ReadonlyArray<Checkpoint>,
): ReadonlyArray<Finding> => {
  if (checkpoints.length === 0) return [unknown("topic ids", "nothing was recorded yet to hold them against")]
  const other = [...described.values()].filter(({ name, topicId }) =>
    checkpoints.some((checkpoint) => checkpoint.topic === name && !checkpoint.topicId.equals(topicId)),
  )
  return [
    other.length === 0
      ? ok("topic ids", "the topics are those that were recorded")
      : wrong(
          "topic ids",
          `not the topics that were recorded: ${other.map(({ name }) => name).join(", ")}`,
          "see docs/runbook/log-broken.md",
        ),
  ]
}

/** Kafka must still hold what comes next. */
const examineBounds = async (
  admin: Admin,
  described: ReadonlyMap<string, TopicDescription>,
  checkpoints: ReadonlyArray<Checkpoint>,
): Promise<ReadonlyArray<Finding>> => {
  const known = checkpoints.filter(
    ({ topic, partition }) => partition < (described.get(topic)?.partitions ?? 0),
  )
  if (known.length === 0) return []
  let bounds: ReadonlyArray<PartitionBounds>
  try {
    bounds = await admin.bounds(known)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return [wrong("offsets", error.message, "see whether every broker runs, and ask again")]
  }
  const broken = known.flatMap(({ topic, partition, nextOffset }, place) => {
    const { earliest, end } = bounds[place] ?? { earliest: 0, end: 0 }
    if (nextOffset >= earliest && nextOffset <= end) return []
    return [`${topic}/${partition} is to go on at ${nextOffset}, and Kafka has ${earliest} to ${end}`]
  })
  return [
    broken.length === 0
      ? ok("offsets", "Kafka holds what is to be read next")
      : wrong("offsets", broken.join("; "), "see docs/runbook/log-broken.md"),
  ]
}

const days = (ms: number): string => `${Math.round(ms / 8_640_000) / 10} days`

const examineSettings = async (
  connection: KafkaConnection,
  names: ReadonlyArray<string>,
): Promise<ReadonlyArray<Finding>> => {
  if (names.length === 0) return []
  let found: ReadonlyMap<string, TopicSettings>
  try {
    found = await readTopicSettings(connection, names)
  } catch (error) {
    return [
      unknown(
        "topic settings",
        wordsOf(error),
        error instanceof SettingsNotAsked ? null : "ask Kafka's operator",
      ),
    ]
  }
  const of = (setting: string): ReadonlyArray<readonly [string, string]> =>
    [...found].map(([topic, settings]) => [topic, settings.get(setting) ?? "?"])
  const compacted = of("cleanup.policy").filter(([, policy]) => policy.includes("compact"))
  const stamped = of("message.timestamp.type").filter(
    ([, type]) => type !== "CreateTime" && type !== "LogAppendTime",
  )
  const kept_ms = of("retention.ms").map(([, text]) =>
    text === "-1" ? Number.POSITIVE_INFINITY : Number(text),
  )
  const shortest_ms = Math.min(...kept_ms)
  return [
    compacted.length === 0
      ? ok("cleanup.policy", "delete: no event is thrown away for a later one of its key")
      : wrong(
          "cleanup.policy",
          `${compacted.map(([topic, policy]) => `${topic} has ${policy}`).join(", ")}: compaction removes events that were never read`,
          "set cleanup.policy=delete for them",
        ),
    stamped.length === 0
      ? ok(
          "message.timestamp.type",
          [...new Set(of("message.timestamp.type").map(([, type]) => type))].join(", "),
        )
      : wrong(
          "message.timestamp.type",
          stamped.map(([topic, type]) => `${topic} has ${type}`).join(", "),
          "set it to CreateTime",
        ),
    ok(
      "retention.ms",
      shortest_ms === Number.POSITIVE_INFINITY
        ? "everything is kept"
        : `kept for ${days(shortest_ms)} at least; a writer that is away for longer loses events, and alert rules look no further back`,
    ),
  ]
}
