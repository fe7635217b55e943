import { openAdmin } from "@landfall/adapters/kafka/admin"
import { readTopic, topicExtents } from "@landfall/adapters/replay/read-topic"
import { replayTopics } from "@landfall/adapters/replay/replay-projection"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { serveChild } from "./child.ts"
import { digestOf } from "./rows.ts"

/** Which cluster to read the topic of observations from, and what is done with each message. */
export interface ReaderOrder {
  readonly brokers: string
  readonly work: "nothing" | "parse" | "fold"
}

export interface ReaderReport {
  /** Events a second, from the first portion until the last event is folded: connecting is not counted. */
  readonly rate: number
  /** The same until the caller has the rows, and the client is closed. */
  readonly rate_handed_over: number
  /** Of the folded rows; of none when nothing was folded. */
  readonly digest: string
  readonly rows: number
  /** Resident memory before, at most in each tenth of the way, and held by live objects before and after. */
  readonly memory: {
    readonly rss_before: number
    readonly rss_max_by_tenth: ReadonlyArray<number>
    readonly held_before: number
    readonly held_after: number
  }
}

const held = (): number => {
  global.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

serveChild(async ({ brokers, work }: ReaderOrder): Promise<ReaderReport> => {
  const kafka = { brokers, clientId: "bench-reader" }
  const admin = openAdmin(kafka)
  const { name } = fundingObservationTopic
  const held_before = held()
  const rss_before = process.memoryUsage.rss()
  const tenths: number[] = []
  let first_ms = 0
  let firstEvents = 0
  let last_ms = 0
  let events = 0
  const progress = (done: number, total: number): void => {
    last_ms = performance.now()
    if (first_ms === 0) {
      first_ms = last_ms
      firstEvents = done
    }
    events = done
    const tenth = Math.min(9, Math.floor((10 * done) / total))
    tenths[tenth] = Math.max(tenths[tenth] ?? 0, process.memoryUsage.rss())
  }
  let rows: Iterable<unknown> = []
  if (work === "fold")
    rows = (await replayTopics({ kafka, admin }, fundingTransfer, { onProgress: progress })).rows.values()
  else {
    const extents = await topicExtents(admin, name)
    const stretches = extents.map(({ partition, first, end }) => ({ partition, start: first, end }))
    const total = stretches.reduce((sum, { start, end }) => sum + end - start, 0)
    let done = 0
    for await (const portion of readTopic({ kafka }, name, stretches)) {
      if (work === "parse") for (const { value } of portion) JSON.parse(value?.toString("utf8") ?? "null")
      done += portion.length
      progress(done, total)
    }
  }
  const over_ms = performance.now()
  admin.close()
  const all = [...rows] as Array<{ readonly [field: string]: unknown }>
  const held_after = held()
  return {
    rate: ((events - firstEvents) / (last_ms - first_ms)) * 1000,
    rate_handed_over: ((events - firstEvents) / (over_ms - first_ms)) * 1000,
    digest: digestOf(all),
    rows: all.length,
    memory: { rss_before, rss_max_by_tenth: tenths, held_before, held_after },
  }
})
