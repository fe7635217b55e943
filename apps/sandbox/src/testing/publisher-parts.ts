import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Topic } from "@landfall/domain/topic"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { createTopics } from "@landfall/setup/parts/topics"
import { readTopic } from "../read-topic.ts"
import { type RunningService, startService } from "../stack/services.ts"

/** Real Kafka with the one topic of a service that publishes what it polls, for the tests of that service. */
export interface PublisherParts<Record> {
  readonly kafka: Kafka
  /** Every committed record now, oldest first within its key. */
  readonly records: () => Promise<ReadonlyArray<Record>>
  /** Starts the service as a process and resolves when it is ready; `folder` keeps its log from those of others. */
  readonly serve: (
    env: Readonly<globalThis.Record<string, string>>,
    folder: string,
  ) => Promise<RunningService>
  readonly stop: () => Promise<void>
}

/** Starts Kafka for the tests of the service. */
export const startPublisherParts = async <Record>(
  service: string,
  topic: Topic<Record>,
): Promise<PublisherParts<Record>> => {
  const dir = await mkdtemp(join(tmpdir(), `landfall-${service}-`))
  const kafka = await startKafka({ dir: join(dir, "kafka") })
  await createTopics(kafka.brokers, [{ topic: topic.name, partitions: 2 }])
  return {
    kafka,
    records: () => readTopic(kafka.brokers, topic),
    serve: (env, folder) => startService(service, env, join(dir, folder)),
    stop: async () => {
      await kafka.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** What a service has logged so far. */
export const logOf = (service: RunningService): Promise<string> => readFile(service.log, "utf8")
