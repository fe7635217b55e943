import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { topicExtents } from "@landfall/adapters/replay/read-topic"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import type { RunningService } from "@landfall/sandbox/stack/services"
import postgres from "postgres"
import type { BenchContext } from "../bench.ts"
import { observations } from "../observations.ts"
import type { Section } from "../report/section.ts"
import { fill, type House, openHouse, openRecord, requireComplete, startWriter } from "./house.ts"
import { SharedWriter } from "./shared-writer.ts"
import { nameOf, sharingSection } from "./sharing-section.ts"
import { type Scenario, type Shared, watchSharing } from "./watch-sharing.ts"

const partitions = 8
const topic = fundingObservationTopic.name
/** Members that join within this time of each other are given their partitions together: nobody begins alone. */
const gatherMs = 6_000

const scenarios: ReadonlyArray<Scenario> = [
  { writers: 1, ends: "none" },
  { writers: 2, ends: "none" },
  { writers: 4, ends: "none" },
  { writers: 2, ends: "stopped" },
  { writers: 2, ends: "killed" },
  { writers: 4, ends: "killed" },
]

/** What there is to write, and where each partition ends. */
interface Work {
  readonly events: number
  readonly ends: ReadonlyMap<number, number>
}

const endsOf = async ({ connection }: House): Promise<ReadonlyMap<number, number>> => {
  const admin = openAdmin(connection)
  try {
    const extents = await topicExtents(admin, topic)
    return new Map(extents.map(({ partition, end }) => [partition, end]))
  } finally {
    admin.close()
  }
}

const play = async (house: House, work: Work, scenario: Scenario, name: string): Promise<Shared> => {
  const databaseUrl = await openRecord(house, name)
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const services: RunningService[] = []
  try {
    const starting = Array.from({ length: scenario.writers }, async (_, index) => {
      services.push(await startWriter(house, databaseUrl, name, index + 1))
    })
    await Promise.all(starting)
    const writers = services.map((service) => new SharedWriter(service))
    const shared = await watchSharing({ house, scenario, ...work, writers, sql })
    await Promise.all(services.map((service) => service.process.stop()))
    await requireComplete(databaseUrl, work.events, house.connection)
    return shared
  } finally {
    await Promise.all(services.map((service) => service.process.stop()))
    await sql.end()
  }
}

const inWords = (shared: Shared): string => {
  const parts = shared.parts.map(
    ({ partitions, events }) => `${partitions} partitions and ${events.toLocaleString("en-US")} events`,
  )
  const { handed_over } = shared
  const after = handed_over === null ? "" : `; handed over after ${(handed_over.all_ms / 1000).toFixed(1)} s`
  return `${nameOf(shared.scenario)}: ${(shared.took_ms / 1000).toFixed(1)} s; ${parts.join(", ")}${after}`
}

/** One, two and four history-writers in one group share a topic; one of them leaves, or dies, in the middle. */
export const sharing = async ({ sizes, folder, say, stack }: BenchContext): Promise<Section> => {
  const { share_events: events } = sizes
  const house = await openHouse({
    folder,
    stack,
    partitions,
    kafka: { "group.initial.rebalance.delay.ms": gatherMs },
  })
  const bytes = await fill(house, topic, observations(events))
  const work: Work = { events, ends: await endsOf(house) }
  const all: Shared[] = []
  for (const [number, scenario] of scenarios.entries()) {
    const shared = await play(house, work, scenario, `shared_${number}`)
    all.push(shared)
    // What was measured is not lost with what comes after.
    await writeFile(join(folder, "shared.json"), JSON.stringify(all))
    say(inWords(shared))
  }
  return sharingSection({ events, bytes: bytes / events, partitions }, all)
}
