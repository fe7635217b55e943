import { join } from "node:path"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { startKafka } from "@landfall/setup/parts/kafka"
import type { Bench } from "../bench.ts"
import { runChild } from "../engine/child.ts"
import type { ReaderOrder, ReaderReport } from "../engine/reader-process.ts"
import { fillTopic } from "../engine/topic.ts"
import { repeatedObservations } from "../observations.ts"
import type { Section } from "../report/section.ts"

/** As many rows as a busy desk has open: what memory is to hold, whatever the length of the log. */
const transfers = 20_000

/** Whether a replay's memory grows with the events that it has read. */
export const memoryBench: Bench = {
  covers: ["memory"],
  limit_s: 900,
  run: async ({ sizes, folder, say, stack }) => {
    const events = sizes.memory_events
    say(`filling the topic with ${events.toLocaleString("en-US")} events`)
    const kafka = await startKafka({ dir: join(folder, "kafka") })
    stack.defer(() => kafka.stop())
    const connection: KafkaConnection = { brokers: kafka.brokers, clientId: "bench" }
    await fillTopic(connection, repeatedObservations(events, transfers))
    say("replaying it")
    const report = await runChild<ReaderReport>(
      new URL("../engine/reader-process.ts", import.meta.url),
      { brokers: kafka.brokers, work: "fold" } satisfies ReaderOrder,
      { execArgv: ["--expose-gc"] },
    )
    if (report.rows !== transfers)
      throw new Error(`the replay came to ${report.rows} rows instead of ${transfers}`)
    return [sectionOf(events, report)]
  },
}

const mb = (bytes: number): number => bytes / 1e6

const sectionOf = (events: number, { memory, rate }: ReaderReport): Section => {
  const tenths = memory.rss_max_by_tenth
  const early = Math.max(...tenths.slice(0, 5))
  const late = Math.max(...tenths.slice(5))
  return {
    name: "memory",
    title: "Memory of a replay",
    how: `\`replayTopics\` folds ${events.toLocaleString("en-US")} observations of the same ${transfers.toLocaleString("en-US")} transfers in a process of its own, so that the state is the same all the way and only what is read grows. \`--memory-events N\` sets the number of events.`,
    figures: [
      { name: "replay", unit: "events/s", runs: [rate] },
      { name: "resident memory before", unit: "MB", runs: [mb(memory.rss_before)] },
      {
        name: "the state, as live objects",
        unit: "MB",
        runs: [mb(memory.held_after - memory.held_before)],
      },
      { name: "most resident memory in the first half of the way", unit: "MB", runs: [mb(early)] },
      { name: "most resident memory in the second half", unit: "MB", runs: [mb(late)] },
    ],
    results: [
      {
        name: `memory of a replay of ${events.toLocaleString("en-US")} events: the second half of the way over the first`,
        unit: "×",
        runs: [late / early],
        target: { most: 1.1 },
      },
    ],
    remarks: [],
  }
}
