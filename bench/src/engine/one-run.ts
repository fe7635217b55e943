import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import type { BenchContext } from "../bench.ts"
import type { EmmettPeer } from "../peers/emmett.ts"
import type { KafkaStreamsPeer } from "../peers/kafka-streams.ts"
import type { orMissing } from "../peers/once.ts"
import type { BenchName } from "../settings.ts"
import { runChild } from "./child.ts"
import { rawCopyIn, rawCopyOut, rawParse } from "./limits.ts"
import { runEmmett, runKafkaStreams } from "./peers.ts"
import type { ReaderOrder, ReaderReport } from "./reader-process.ts"
import type { RebuildOrder, RebuildReport } from "./rebuild-process.ts"
import type { EngineRun } from "./sections.ts"
import { liveDigest } from "./snapshot.ts"
import type { WriterOrder, WriterReport } from "./writer-process.ts"

/** What a run needs, made once. */
export interface World extends Pick<BenchContext, "names" | "sizes" | "folder"> {
  readonly brokers: string
  readonly createDatabase: (name: string) => Promise<string>
  readonly streams: Awaited<ReturnType<typeof orMissing<KafkaStreamsPeer>>>
  readonly emmett: Awaited<ReturnType<typeof orMissing<EmmettPeer>>>
  readonly payloads: ReadonlyArray<string>
  /** The digest of the rows that everybody must come to. */
  readonly expected: string
  readonly emmettPayloads: ReadonlyArray<string>
  readonly emmettExpected: string
}

const same = (who: string, digest: string, expected: string): void => {
  if (digest !== expected) throw new Error(`${who} came to other rows than the fold of the same events`)
}

const read = async (world: World, work: ReaderOrder["work"]): Promise<ReaderReport> => {
  const order: ReaderOrder = { brokers: world.brokers, work }
  const report = await runChild<ReaderReport>(new URL("reader-process.ts", import.meta.url), order)
  if (work === "fold") same("the replay", report.digest, world.expected)
  return report
}

const withStreams = async (world: World, run: number) => {
  if ("missing" in world.streams) return null
  const streams = await runKafkaStreams(world.streams.peer, {
    brokers: world.brokers,
    topic: fundingObservationTopic.name,
    events: world.sizes.events,
    application: `streams-${run}`,
    folder: world.folder,
  })
  same("Kafka Streams", streams.digest, world.expected)
  return streams
}

const withEmmett = async (world: World, run: number) => {
  if ("missing" in world.emmett) return null
  const emmett = await runEmmett(world.emmett.peer, {
    databaseUrls: [
      await world.createDatabase(databasesOf(run)[1]),
      await world.createDatabase(databasesOf(run)[2]),
    ],
    events: world.emmettPayloads,
    folder: world.folder,
    name: `emmett-${run}`,
  })
  same("Emmett", emmett.digest, world.emmettExpected)
  return emmett
}

const write = async (world: World, databaseUrl: string, run: number): Promise<WriterReport> => {
  const owner = openDatabase(databaseUrl, { applicationName: "bench" })
  await migrate(owner)
  await owner.close()
  const report = await runChild<WriterReport>(new URL("writer-process.ts", import.meta.url), {
    brokers: world.brokers,
    databaseUrl,
    group: `bench-${run}`,
    events: world.sizes.events,
  } satisfies WriterOrder)
  same("the history writer", await liveDigest(databaseUrl), world.expected)
  return report
}

/** Rebuilds, with or without holding the result against the live snapshot; gives events a second. */
const rebuild = async (world: World, databaseUrl: string, compare: boolean): Promise<number> => {
  const report = await runChild<RebuildReport>(new URL("rebuild-process.ts", import.meta.url), {
    databaseUrl,
    compare,
  } satisfies RebuildOrder)
  if (report.events !== world.sizes.events || (compare && report.different !== 0))
    throw new Error(`the rebuild folded ${report.events} events and found ${report.different} other rows`)
  if (!compare) same("the rebuild", await liveDigest(databaseUrl), world.expected)
  return (report.events / report.took_ms) * 1000
}

/** The databases that a run makes: ours, and Emmett's two. */
export const databasesOf = (run: number): readonly [string, string, string] => [
  `run_${run}`,
  `emmett_append_${run}`,
  `emmett_rebuild_${run}`,
]

/** Everything that is asked for, once, each thing beside what it is compared with. */
export const oneRun = async (world: World, run: number): Promise<EngineRun> => {
  const { events } = world.sizes
  const wants = (...names: ReadonlyArray<BenchName>): boolean =>
    names.some((name) => world.names.includes(name))
  const reading = wants("replay", "ingest")
  const raw_consume = reading ? (await read(world, "nothing")).rate : null
  const replay = wants("replay") ? await read(world, "fold") : null
  const consume_parse = wants("replay") ? (await read(world, "parse")).rate : null
  const streams = reading ? await withStreams(world, run) : null
  const measured = {
    ...nothing,
    raw_consume,
    replay: replay?.rate ?? null,
    replay_handed_over: replay?.rate_handed_over ?? null,
    consume_parse,
    streams: streams?.processed ?? null,
    streams_committed: streams?.committed ?? null,
    json_parse: reading ? rawParse(world.payloads) : null,
  }
  if (!wants("ingest", "rebuild")) return measured
  const databaseUrl = await world.createDatabase(databasesOf(run)[0])
  const written = await write(world, databaseUrl, run)
  const emmett = await withEmmett(world, run)
  return {
    ...measured,
    ingest: (events / written.took_ms) * 1000,
    ingest_cpu_us: (written.cpu_ms * 1000) / events,
    ingest_rss_mb: written.rss_max / 1e6,
    raw_copy_in: wants("ingest") ? await rawCopyIn(databaseUrl, events) : null,
    raw_copy_out: wants("rebuild") ? await rawCopyOut(databaseUrl, events) : null,
    rebuild_compared: wants("rebuild") ? await rebuild(world, databaseUrl, true) : null,
    rebuild: wants("rebuild") ? await rebuild(world, databaseUrl, false) : null,
    emmett_append: emmett?.append ?? null,
    emmett_append_grouped: emmett?.append_grouped ?? null,
    emmett_rebuild: emmett?.rebuild ?? null,
  }
}

const nothing: EngineRun = {
  raw_consume: null,
  replay: null,
  replay_handed_over: null,
  consume_parse: null,
  streams: null,
  streams_committed: null,
  json_parse: null,
  ingest: null,
  ingest_cpu_us: null,
  ingest_rss_mb: null,
  raw_copy_in: null,
  raw_copy_out: null,
  rebuild: null,
  rebuild_compared: null,
  emmett_append: null,
  emmett_append_grouped: null,
  emmett_rebuild: null,
}
