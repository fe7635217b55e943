import { setTimeout as sleep } from "node:timers/promises"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import type { Sql } from "postgres"
import { type HandedOver, Handover } from "./handover.ts"
import type { House } from "./house.ts"
import { clusterCpuMs, processSample } from "./process-sample.ts"
import type { Part, SharedWriter } from "./shared-writer.ts"

const topic = fundingObservationTopic.name
const lookMs = 100
const patienceMs = 180_000
/** When a writer is ended, in the runs in which one is. */
const endedAtShare = 0.35

/** How many writers share the topic, and what becomes of the last of them on the way. */
export interface Scenario {
  readonly writers: number
  readonly ends: "none" | "stopped" | "killed"
}

/** What came of one scenario. */
export interface Shared {
  readonly scenario: Scenario
  /** From the last look at which nothing was written to the one at which all was. */
  readonly took_ms: number
  readonly parts: ReadonlyArray<Part>
  readonly postgres_cpu_ms: number
  readonly broker_cpu_ms: number
  /** Null when no writer ended. */
  readonly handed_over: HandedOver | null
  readonly retried: number
}

export interface Sharing {
  readonly house: House
  readonly scenario: Scenario
  readonly events: number
  /** Where each partition ends. */
  readonly ends: ReadonlyMap<number, number>
  readonly writers: ReadonlyArray<SharedWriter>
  readonly sql: Sql
}

/** How far each partition is written. */
const positionsOf = async (sql: Sql): Promise<ReadonlyMap<number, number>> => {
  const rows = await sql<Array<{ topic_partition: number; next_offset: string }>>`
    select topic_partition, next_offset from checkpoints where topic = ${topic}`
  return new Map(rows.map(({ topic_partition, next_offset }) => [topic_partition, Number(next_offset)]))
}

const serversCpu = async ({ postgres, kafka }: House) => ({
  postgres: await clusterCpuMs(postgres.pid),
  broker: (await processSample(kafka.pid)).cpu_ms,
})

/** Whether every partition is somebody's, and everybody has some. */
const allGiven = ({ writers, ends }: Sharing): boolean =>
  writers.every(({ seen }) => seen.partitions.length > 0) &&
  writers.reduce((sum, { seen }) => sum + seen.partitions.length, 0) === ends.size

/** Ends the last writer as the scenario has it; its partitions are then to be handed over. */
const endOne = async ({ writers, scenario, ends, sql }: Sharing): Promise<Handover> => {
  const victim = writers.at(-1) as SharedWriter
  victim.gone = true
  const killed_ms = performance.now()
  if (scenario.ends === "killed") await victim.service.process.kill()
  else await victim.service.process.stop()
  // One that is stopped writes until it has ended.
  const at_ms = scenario.ends === "killed" ? killed_ms : performance.now()
  const positions = await positionsOf(sql)
  return new Handover(
    at_ms,
    new Map(
      victim.seen.partitions.map((partition) => [
        partition,
        { next: positions.get(partition) ?? 0, end: ends.get(partition) ?? 0 },
      ]),
    ),
  )
}

/** Watches until all is written, and ends the last writer on the way when the scenario says so. */
export const watchSharing = async (sharing: Sharing): Promise<Shared> => {
  const { house, scenario, events, writers, sql } = sharing
  let [began_ms, before] = [performance.now(), await serversCpu(house)]
  let given = false
  let handover: Handover | null = null
  const deadline_ms = began_ms + patienceMs
  for (;;) {
    const positions = await positionsOf(sql)
    const now_ms = performance.now()
    const written = [...positions.values()].reduce((sum, next) => sum + next, 0)
    handover?.look(now_ms, positions)
    await Promise.all(writers.map((writer) => writer.look()))
    if (written === 0) {
      ;[began_ms, before] = [now_ms, await serversCpu(house)]
      for (const writer of writers) writer.countFromHere()
    }
    if (!given && allGiven(sharing)) {
      given = true
      for (const writer of writers) writer.given()
    }
    if (written >= events) {
      const after = await serversCpu(house)
      const left = events - writers.reduce((sum, { gone, seen }) => sum + (gone ? 0 : seen.events), 0)
      return {
        scenario,
        took_ms: now_ms - began_ms,
        parts: writers.map((writer) => (writer.gone ? writer.part(left) : writer.part())),
        postgres_cpu_ms: after.postgres - before.postgres,
        broker_cpu_ms: after.broker - before.broker,
        handed_over: handover?.result() ?? null,
        retried: writers.reduce((sum, { seen }) => sum + seen.retried, 0),
      }
    }
    if (now_ms > deadline_ms)
      throw new Error(
        `${written} of ${events} events were written after ${patienceMs / 1000} s: see the writers' logs in ${house.folder}`,
      )
    if (handover === null && scenario.ends !== "none" && written >= events * endedAtShare)
      handover = await endOne(sharing)
    await sleep(lookMs)
  }
}
