import { shortPosition } from "@landfall/adapters/config/position-kind"
import { measureBehind, type PartitionBehind } from "@landfall/adapters/history/behind"
import { type Checkpoint, readCheckpoints } from "@landfall/adapters/history/checkpoint"
import { KafkaError } from "@landfall/adapters/kafka/configuration"
import type { Transaction } from "@landfall/adapters/postgres/transaction"
import type { Position } from "@landfall/domain/position"
import { type Timestamp, timestamp } from "@landfall/domain/timestamp"
import type { Context } from "./context.ts"

/** As of when an answer holds, where it stands, and how far that is behind Kafka: part of every answer. */
export interface Standing {
  readonly as_of: Timestamp
  readonly position: Position
  /** By topic, the age of the oldest message that is not recorded; null when Kafka could not be asked. */
  readonly behind_seconds: Readonly<Record<string, number | null>>
}

/** A standing, and the partitions that it sums up. */
export interface MeasuredStanding extends Standing {
  readonly partitions: ReadonlyArray<PartitionBehind>
}

/** How far the record of those topics is behind Kafka; without Kafka the answer says that it is not known. */
export const measureStanding = async (
  { connections, output, now }: Context,
  topics: ReadonlyArray<string>,
  checkpoints: ReadonlyArray<Checkpoint>,
): Promise<MeasuredStanding> => {
  const measure = (source: Parameters<typeof measureBehind>[0]) =>
    measureBehind(source, topics, checkpoints, now)
  const unknown = (why: string) => {
    output.note(`how far the answer is behind Kafka is not known: ${why}`)
    return measure(null)
  }
  const partitions = connections.hasKafka()
    ? await measure({ kafka: connections.kafka(), admin: connections.admin() }).catch((error: unknown) => {
        if (error instanceof KafkaError) return unknown(error.message)
        throw error
      })
    : await unknown("KAFKA_BROKERS is not set")
  const ofTopic = (topic: string) => partitions.filter((at) => at.topic === topic)
  return {
    as_of: timestamp(now()),
    position: positionOf(topics, checkpoints),
    behind_seconds: Object.fromEntries(topics.map((topic) => [topic, secondsOf(ofTopic(topic))])),
    partitions,
  }
}

/** Asks the database one question, in one state of it, and measures where the answer stands. */
export const askMeasured = async <Value>(
  context: Context,
  topics: ReadonlyArray<string>,
  question: (transaction: Transaction) => Promise<Value>,
): Promise<{ readonly value: Value; readonly standing: MeasuredStanding }> => {
  const { value, checkpoints } = await context.connections.database("landfall_auditor").transaction(
    async (transaction) => ({
      value: await question(transaction),
      checkpoints: await readCheckpoints(transaction),
    }),
    { mode: "repeatable read read only" },
  )
  return { value, standing: await measureStanding(context, topics, checkpoints) }
}

/** The same, without the partitions one by one. */
export const ask = async <Value>(
  ...asked: Parameters<typeof askMeasured<Value>>
): Promise<{ readonly value: Value; readonly standing: Standing }> => {
  const { value, standing } = await askMeasured(...asked)
  const { partitions: _, ...stands } = standing
  return { value, standing: stands }
}

const secondsOf = (partitions: ReadonlyArray<PartitionBehind>): number | null =>
  partitions.reduce<number | null>(
    (worst, { seconds }) => (worst === null || seconds === null ? null : Math.max(worst, seconds)),
    partitions.length === 0 ? null : 0,
  )

const positionOf = (topics: ReadonlyArray<string>, checkpoints: ReadonlyArray<Checkpoint>): Position =>
  Object.fromEntries(
    topics.map((topic) => [
      topic,
      Object.fromEntries(
        checkpoints
          .filter((checkpoint) => checkpoint.topic === topic)
          .map(({ partition, nextOffset }) => [String(partition), nextOffset]),
      ),
    ]),
  )

/** More than this behind, and an answer is marked: about what a poll and a batch take. */
const behindSecondsFrom = 10

/** The last lines of an answer for people: as of when, at which position, how far behind. */
export const printStanding = ({ output }: Context, { as_of, position, behind_seconds }: Standing): void => {
  const behind = Object.entries(behind_seconds).map(([topic, seconds]) => {
    if (seconds === null) return `${topic}: not known how far behind Kafka`
    const text = `${topic}: ${seconds === 0 ? "0" : seconds.toFixed(1)} s behind Kafka`
    return seconds > behindSecondsFrom ? output.paint("yellow", `${text}, STALE`) : text
  })
  output.line()
  output.line(output.paint("dim", `as of ${as_of}`))
  output.line(output.paint("dim", `position ${shortPosition(position) || "nothing was recorded yet"}`))
  for (const text of behind) output.line(output.paint("dim", text))
}
