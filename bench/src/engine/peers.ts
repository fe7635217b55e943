import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { runToEnd } from "@landfall/setup/parts/run-to-end"
import type { EmmettPeer } from "../peers/emmett.ts"
import type { KafkaStreamsPeer } from "../peers/kafka-streams.ts"
import { digestOf } from "./rows.ts"

const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

const digestOfFile = async (file: string): Promise<string> =>
  digestOf(lines(await readFile(file, "utf8")).map((line) => JSON.parse(line)))

/** The result is the last line of what the program printed that is JSON; the others are its log. */
const resultIn = async <Result>(log: string): Promise<Result> => {
  const found = lines(await readFile(log, "utf8")).findLast((line) => line.startsWith("{"))
  if (found === undefined) throw new Error(`${log} has no result`)
  return JSON.parse(found)
}

/** What Kafka Streams took for the topic, in events a second, and its rows in one word. */
export interface StreamsRun {
  /** From the first event to the last. */
  readonly processed: number
  /** From the first event to the commit of the last. */
  readonly committed: number
  readonly digest: string
}

/** Runs the Kafka Streams application over the whole topic, as an application of its own. */
export const runKafkaStreams = async (
  { command, args }: KafkaStreamsPeer,
  order: {
    readonly brokers: string
    readonly topic: string
    readonly events: number
    readonly application: string
    readonly folder: string
  },
): Promise<StreamsRun> => {
  const { brokers, topic, events, application } = order
  const folder = join(order.folder, application)
  await mkdir(folder, { recursive: true })
  const [rows, log] = [join(folder, "rows.ndjson"), join(folder, "streams.log")]
  const own = [brokers, topic, application, join(folder, "state"), String(events), rows]
  await runToEnd(command, [...args, ...own], { log, cwd: folder })
  const took = await resultIn<{ processed_ms: number; committed_ms: number }>(log)
  return {
    processed: (events / took.processed_ms) * 1000,
    committed: (events / took.committed_ms) * 1000,
    digest: await digestOfFile(rows),
  }
}

/** What Emmett took, in events a second, and its rows in one word. */
export interface EmmettRun {
  /** One event a call. */
  readonly append: number
  /** All events that a portion has of a stream in one call. */
  readonly append_grouped: number
  readonly rebuild: number
  readonly digest: string
}

/** Appends the events to Emmett's store, and rebuilds the projection from them. */
export const runEmmett = async (
  { program }: EmmettPeer,
  order: {
    /** Two empty databases: one to append to as fast as it goes, one to rebuild from. */
    readonly databaseUrls: readonly [string, string]
    readonly events: ReadonlyArray<string>
    readonly folder: string
    readonly name: string
  },
): Promise<EmmettRun> => {
  const folder = join(order.folder, order.name)
  await mkdir(folder, { recursive: true })
  const [events, rows, log] = ["events.ndjson", "rows.ndjson", "emmett.log"].map((file) => join(folder, file))
  await writeFile(events as string, `${order.events.join("\n")}\n`)
  await runToEnd(process.execPath, [program, ...order.databaseUrls, events as string, rows as string], {
    log: log as string,
    cwd: folder,
  })
  const took = await resultIn<{ append_ms: number; append_grouped_ms: number; rebuild_ms: number }>(
    log as string,
  )
  return {
    append: (order.events.length / took.append_ms) * 1000,
    append_grouped: (order.events.length / took.append_grouped_ms) * 1000,
    rebuild: (order.events.length / took.rebuild_ms) * 1000,
    digest: await digestOfFile(rows as string),
  }
}
