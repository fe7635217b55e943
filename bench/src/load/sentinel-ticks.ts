import { setTimeout as sleep } from "node:timers/promises"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { startService } from "@landfall/sandbox/stack/services"
import type { BenchContext } from "../bench.ts"
import { openTransfers } from "../observations.ts"
import { fill, openHouse, openRecord } from "./house.ts"
import { metricOf, type ProcessSample, processSample } from "./process-sample.ts"

/** As often as the service allows. */
export const tickIntervalMs = 50
const lookMs = 1_000
/** What a process that has just started still takes. */
const warmLooks = 10

/** How the ticking service stood at one moment. */
export interface SentinelLook extends ProcessSample {
  readonly ticks: number
  readonly lag: number
}

/** The real ops-sentinel ticks as fast as it may for so many seconds; it is looked at each second. */
export const sentinelTicks = async (
  { folder, stack, say }: BenchContext,
  transfers: number,
  seconds: number,
): Promise<ReadonlyArray<SentinelLook>> => {
  say("ops-sentinel as a process")
  const house = await openHouse({ folder, stack, partitions: 4 })
  const databaseUrl = await openRecord(house, "landfall")
  await fill(house, fundingObservationTopic.name, openTransfers(transfers, Date.now()))
  const sentinel = await startService(
    "ops-sentinel",
    {
      KAFKA_BROKERS: house.kafka.brokers,
      DATABASE_URL: databaseUrl,
      TICK_INTERVAL_MS: String(tickIntervalMs),
    },
    folder,
  )
  stack.defer(() => sentinel.process.stop())
  const looks: SentinelLook[] = []
  for (let look = 0; look < warmLooks + seconds; look++) {
    await sleep(lookMs)
    const [metrics, sample] = await Promise.all([
      fetch(`${sentinel.url}/metrics`).then((answer) => answer.text()),
      processSample(sentinel.process.pid),
    ])
    looks.push({
      ...sample,
      ticks: metricOf(metrics, "landfall_ticks_total"),
      lag: metricOf(metrics, "landfall_lag_messages"),
    })
  }
  await sentinel.process.stop()
  return looks.slice(warmLooks)
}
