import { join } from "node:path"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { migrate } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { recordDecoder } from "@landfall/domain/codec"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { fold } from "@landfall/projections/fold"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import type { Bench, BenchContext } from "../bench.ts"
import { observations } from "../observations.ts"
import { type EmmettPeer, obtainEmmett } from "../peers/emmett.ts"
import { type KafkaStreamsPeer, obtainKafkaStreams } from "../peers/kafka-streams.ts"
import { orMissing } from "../peers/once.ts"
import type { Section } from "../report/section.ts"
import type { BenchName } from "../settings.ts"
import { runChild } from "./child.ts"
import { rawCopyIn, rawCopyOut, rawParse } from "./limits.ts"
import { runEmmett, runKafkaStreams } from "./peers.ts"
import type { ReaderOrder, ReaderReport } from "./reader-process.ts"
import type { RebuildOrder, RebuildReport } from "./rebuild-process.ts"
import { digestOf } from "./rows.ts"
import { type EngineRun, ingestSection, rebuildSection, replaySection } from "./sections.ts"
import { liveDigest } from "./snapshot.ts"
import { fillTopic, partitions } from "./topic.ts"
import type { WriterOrder, WriterReport } from "./writer-process.ts"

/** What a run needs, made once. */
interface World extends Pick<BenchContext, "names" | "sizes" | "folder" | "say"> {
  readonly kafka: KafkaConnection
  readonly createDatabase: (name: string) => Promise<string>
  readonly streams: Awaited<ReturnType<typeof orMissing<KafkaStreamsPeer>>>
  readonly emmett: Awaited<ReturnType<typeof orMissing<EmmettPeer>>>
  readonly payloads: ReadonlyArray<string>
  /** The digest of the rows that everybody must come to. */
  readonly expected: string
  readonly emmettPayloads: ReadonlyArray<string>
  readonly emmettExpected: string
}

const expectedDigest = (payloads: ReadonlyArray<string>): string => {
  const decode = recordDecoder(fundingObservationTopic)
  const records = payloads.map((payload) => {
    const decoded = decode(Buffer.from(payload, "utf8"))
    if (!decoded.ok) throw new Error(`an event of the benchmark does not decode: ${decoded.reason}`)
    return decoded.record
  })
  return digestOf(fold(fundingTransfer, records).values())
}

/**
 * What the engine does with a topic: folds it into memory, writes it to PostgreSQL, makes the snapshot anew from the
 * evidence; beside the limits of the machine and beside Kafka Streams and Emmett, run by run in turns.
 */
export const engineBench: Bench = {
  covers: ["replay", "ingest", "rebuild"],
  limit_s: 900,
  run: async ({ names, sizes, folder, say, stack }) => {
    say("peers: fetched once (Kafka Streams from Maven, Emmett from npm)")
    const streams = await orMissing(obtainKafkaStreams())
    const emmett =
      names.includes("replay") && names.length === 1 ? notWanted : await orMissing(obtainEmmett())
    for (const peer of [streams, emmett]) if ("missing" in peer && peer !== notWanted) say(peer.missing)
    say("starting Kafka and PostgreSQL, and filling the topic")
    const [kafka, postgres] = await Promise.all([
      startKafka({ dir: join(folder, "kafka") }),
      startPostgres({ dir: join(folder, "postgres") }),
    ])
    stack.defer(() => Promise.all([kafka.stop(), postgres.stop()]).then(() => {}))
    const connection: KafkaConnection = { brokers: kafka.brokers, clientId: "bench" }
    const payloads = Array.from(observations(sizes.events), ({ value }) => value)
    const { bytes } = await fillTopic(connection, observations(sizes.events))
    const emmettPayloads = payloads.slice(0, sizes.emmett_events)
    const world: World = {
      names,
      sizes,
      folder,
      say,
      kafka: connection,
      createDatabase: postgres.createDatabase,
      streams,
      emmett,
      payloads,
      expected: expectedDigest(payloads),
      emmettPayloads,
      emmettExpected: expectedDigest(emmettPayloads),
    }
    const runs: EngineRun[] = []
    for (let run = 0; run < sizes.runs; run++) {
      const measured = await oneRun(world, run)
      runs.push(measured)
      say(`run ${run + 1}: ${words(measured)}`)
    }
    const about = {
      events: sizes.events,
      emmettEvents: emmettPayloads.length,
      bytes: bytes / sizes.events,
      partitions,
      streamsMissing: "missing" in streams ? streams.missing : null,
      emmettMissing: "missing" in emmett ? emmett.missing : null,
    }
    const sections: Section[] = []
    if (names.includes("replay")) sections.push(replaySection(runs, about))
    if (names.includes("ingest")) sections.push(ingestSection(runs, about))
    if (names.includes("rebuild")) sections.push(rebuildSection(runs, about))
    return sections
  },
}

const notWanted = { missing: "not asked for" } as const

const words = (run: EngineRun): string =>
  Object.entries(run)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${Math.round(value as number).toLocaleString("en-US")}`)
    .join(", ")

const same = (who: string, digest: string, expected: string): void => {
  if (digest !== expected) throw new Error(`${who} came to other rows than the fold of the same events`)
}

const read = async (world: World, work: ReaderOrder["work"]): Promise<ReaderReport> => {
  const order: ReaderOrder = { brokers: world.kafka.brokers, work }
  const report = await runChild<ReaderReport>(new URL("reader-process.ts", import.meta.url), order)
  if (work === "fold") same("the replay", report.digest, world.expected)
  return report
}

const withStreams = async (world: World, run: number) => {
  if ("missing" in world.streams) return null
  const streams = await runKafkaStreams(world.streams.peer, {
    brokers: world.kafka.brokers,
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
      await world.createDatabase(`emmett_append_${run}`),
      await world.createDatabase(`emmett_rebuild_${run}`),
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
    brokers: world.kafka.brokers,
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

/** Everything that is asked for, once, each thing beside what it is compared with. */
const oneRun = async (world: World, run: number): Promise<EngineRun> => {
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
  const databaseUrl = await world.createDatabase(`run_${run}`)
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
  emmett_rebuild: null,
}
