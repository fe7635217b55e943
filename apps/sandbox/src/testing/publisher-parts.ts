import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Topic } from "@landfall/domain/topic"
import { type Kafka, startKafka } from "@landfall/setup/parts/kafka"
import { createTopics } from "@landfall/setup/parts/topics"
import { Schema } from "effect"
import { readTopic } from "../read-topic.ts"
import { type RunningService, startService } from "../stack/services.ts"
import { until } from "../until.ts"

/** Real Kafka with the one topic of a service that publishes what it polls, for the tests of that service. */
export interface PublisherParts<Record, State> {
  readonly kafka: Kafka
  /** Every committed record now, oldest first within its key. */
  readonly records: () => Promise<ReadonlyArray<Record>>
  /** Starts the service as a process and resolves when it is ready; `folder` keeps its log from those of others. */
  readonly serve: (
    env: Readonly<globalThis.Record<string, string>>,
    folder: string,
  ) => Promise<RunningService>
  /** Its `/state`, which is what its documentation says, no more and no less. */
  readonly stateOf: (service: RunningService) => Promise<State>
  /**
   * Waits until `/state` has something, and gives it: who reads the topic can see a record before the service has heard
   * that it is committed.
   */
  readonly shows: (service: RunningService, what: string, holds: (state: State) => boolean) => Promise<State>
  readonly stop: () => Promise<void>
}

/** Starts Kafka for the tests of the service. */
export const startPublisherParts = async <Record, State>(
  name: string,
  topic: Topic<Record>,
  document: Schema.Codec<unknown, State>,
): Promise<PublisherParts<Record, State>> => {
  const decode = Schema.decodeUnknownSync(document, { onExcessProperty: "error", errors: "all" })
  const stateOf = async (service: RunningService): Promise<State> => {
    const state = await service.get<State>("/state")
    decode(state)
    return state
  }
  const dir = await mkdtemp(join(tmpdir(), `landfall-${name}-`))
  const kafka = await startKafka({ dir: join(dir, "kafka") })
  await createTopics(kafka.brokers, [{ topic: topic.name, partitions: 2 }])
  return {
    kafka,
    records: () => readTopic(kafka.brokers, topic),
    serve: (env, folder) => startService(name, env, join(dir, folder)),
    stateOf,
    shows: (service, what, holds) =>
      until(what, async () => {
        const state = await stateOf(service)
        return holds(state) ? state : null
      }),
    stop: async () => {
      await kafka.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** What a service has logged so far. */
export const logOf = (service: RunningService): Promise<string> => readFile(service.log, "utf8")
