import { join } from "node:path"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { recordDecoder } from "@landfall/domain/codec"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { fold } from "@landfall/projections/fold"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import postgres from "postgres"
import type { Bench } from "../bench.ts"
import { observations } from "../observations.ts"
import { obtainEmmett } from "../peers/emmett.ts"
import { obtainKafkaStreams } from "../peers/kafka-streams.ts"
import { orMissing } from "../peers/once.ts"
import type { Section } from "../report/section.ts"
import type { BenchName } from "../settings.ts"
import { databasesOf, oneRun, type World } from "./one-run.ts"
import { digestOf } from "./rows.ts"
import { type EngineRun, ingestSection, rebuildSection, replaySection } from "./sections.ts"
import { fillTopic, partitions } from "./topic.ts"

const expectedDigest = (payloads: ReadonlyArray<string>): string => {
  const decode = recordDecoder(fundingObservationTopic)
  const records = payloads.map((payload) => {
    const decoded = decode(Buffer.from(payload, "utf8"))
    if (!decoded.ok) throw new Error(`an event of the benchmark does not decode: ${decoded.reason}`)
    return decoded.record
  })
  return digestOf(fold(fundingTransfer, records).values())
}

/** What a run wrote is not to fill the disk while others run. */
const dropDatabases = async (url: string, names: ReadonlyArray<string>): Promise<void> => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  for (const name of names) await sql`drop database if exists ${sql(name)} with (force)`
  await sql.end()
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
    const isOnly = (name: BenchName): boolean => names.length === 1 && names.includes(name)
    const streams = isOnly("rebuild") ? notWanted : await orMissing(obtainKafkaStreams())
    const emmett = isOnly("replay") ? notWanted : await orMissing(obtainEmmett())
    for (const peer of [streams, emmett]) if ("missing" in peer && peer !== notWanted) say(peer.missing)
    say("starting Kafka and PostgreSQL, and filling the topic")
    const [kafka, database] = await Promise.all([
      startKafka({ dir: join(folder, "kafka") }),
      startPostgres({ dir: join(folder, "postgres") }),
    ])
    stack.defer(() => Promise.all([kafka.stop(), database.stop()]).then(() => {}))
    const connection: KafkaConnection = { brokers: kafka.brokers, clientId: "bench" }
    const payloads = Array.from(observations(sizes.events), ({ value }) => value)
    const { bytes } = await fillTopic(connection, observations(sizes.events))
    const emmettPayloads = payloads.slice(0, sizes.emmett_events)
    const world: World = {
      names,
      sizes,
      folder,
      brokers: kafka.brokers,
      createDatabase: database.createDatabase,
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
      await dropDatabases(database.url, databasesOf(run))
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
    .map(
      ([name, value]) =>
        `${name.replaceAll("_", " ")} ${Math.round(value as number).toLocaleString("en-US")}`,
    )
    .join(", ")
