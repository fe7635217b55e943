import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import postgres from "postgres"
import type { BenchContext } from "../bench.ts"
import { observations } from "../observations.ts"
import type { Section } from "../report/section.ts"
import { issuedHandles } from "./handles.ts"
import { fill, type House, openHouse, openRecord, requireComplete, startWriter } from "./house.ts"
import { type Intake, intakeSection } from "./intake-section.ts"
import { type Relation, relationSizes } from "./table-sizes.ts"
import { watchWriter } from "./watch-writer.ts"

const partitions = 8
const idIndex = `${fundingObservationTopic.evidenceTable}_event_id`
/** Looks told of on the terminal, of those that are taken each second. */
const toldEvery = 10

/** Deposit addresses alone, so that what they take can be told from what observations take. */
const writeHandles = async (
  house: House,
  databaseUrl: string,
  handles: number,
): Promise<ReadonlyArray<Relation>> => {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  await fill(house, liquidityActionTopic.name, issuedHandles(handles))
  const writer = await startWriter(house, databaseUrl, "load", 0)
  try {
    const watched = { writer, sql, postgres: house.postgres.pid, broker: house.kafka.pid, idIndex }
    await watchWriter(watched, handles, () => {})
    return await relationSizes(sql)
  } finally {
    await writer.process.stop()
    await sql.end()
  }
}

/** Millions of observations through Kafka into PostgreSQL by the real history-writer, looked at every second. */
export const intake = async ({ sizes, folder, say, stack }: BenchContext): Promise<Section> => {
  const { load_events: events, load_open: open, load_handles: handles } = sizes
  const house = await openHouse({
    folder,
    stack,
    partitions,
    postgres: {
      shared_buffers: `${sizes.load_buffers_mb}MB`,
      max_wal_size: `${sizes.load_wal_mb}MB`,
    },
  })
  const databaseUrl = await openRecord(house, "landfall")
  say(`${handles.toLocaleString("en-US")} handles`)
  const handleRelations = await writeHandles(house, databaseUrl, handles)
  say(`filling the topic with ${events.toLocaleString("en-US")} events`)
  const bytes = await fill(house, fundingObservationTopic.name, observations(events, open))
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  stack.defer(() => sql.end())
  const writer = await startWriter(house, databaseUrl, "load", 1)
  stack.defer(() => writer.process.stop())
  let told = 0
  const looks = await watchWriter(
    { writer, sql, postgres: house.postgres.pid, broker: house.kafka.pid, idIndex },
    events,
    ({ written, rss_bytes, files, lag }) => {
      if (told++ % toldEvery === 0)
        say(
          `${written.toLocaleString("en-US")} written, ${lag.toLocaleString("en-US")} wait, ${(rss_bytes / 1e6).toFixed(0)} MB, ${files} files`,
        )
    },
  )
  await writer.process.stop()
  const relations = await relationSizes(sql)
  // The measurement is over: a verification that fails, or takes too long, takes it not along.
  await writeFile(join(folder, "looks.json"), JSON.stringify({ looks, relations, handleRelations }))
  say("verifying the record")
  const began_ms = performance.now()
  const verified = await requireComplete(databaseUrl, events + handles, null)
  const verify_ms = performance.now() - began_ms
  const measured: Intake = {
    sizes,
    partitions,
    bytes: bytes / events,
    looks,
    relations,
    handleRelations,
    transfers: verified.rows - handles,
    verify_ms,
  }
  return intakeSection(measured)
}
