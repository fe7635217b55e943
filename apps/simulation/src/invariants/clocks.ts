import type { AnyTopic } from "@landfall/domain/registry"
import { intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { account_id } from "../world/bridge.ts"
import type { EndedWorld, Invariant } from "./invariant.ts"
import { recordsOf } from "./records.ts"

/**
 * How far services' clocks may be from the time and from each other: what a time server sees to, what a clock drifts, and a
 * hundredth of the time since it was moved.
 */
export const clockError_ms = 5_000

/** How long a tick may take that nobody stopped: it reads for so long at most. */
const tick_ms_max = 20_000

const window_ms = 10_000

/** Whatever the machines' clocks were set to, what is stale is called so in time, and nothing else is. */
export const clocks: Invariant = function* (world) {
  for (const { tick_ms, ended_ms } of world.ticks) {
    if (tick_ms > ended_ms + clockError_ms) yield `a tick at ${at(ended_ms)} said that it was ${at(tick_ms)}`
    if (world.plan.pause === 0 && tick_ms < ended_ms - tick_ms_max - clockError_ms)
      yield `a tick that ended at ${at(ended_ms)} said that it was ${at(tick_ms)}`
  }
  yield* silences(world, marketPriceTopic, "reference_price_stale BTC/EURe")
  yield* silences(world, intentInventoryTopic, `inventory_snapshot_stale ${account_id}`)
}

/** Holds an alert about silence against when the messages came, by nobody's clock. */
function* silences({ kafka, quietTicks, start_ms, plan }: EndedWorld, topic: AnyTopic, alert: string) {
  const records = recordsOf<unknown>(kafka, topic)
  for (const { ended_ms, read, raised } of quietTicks) {
    const came_ms = records
      .filter(({ partition, offset }) => offset < (read[topic.name]?.[partition] ?? 0))
      // What the world delivers again is no news.
      .map((one) => one.firstCame_ms)
    const silent_ms = ended_ms - Math.max(start_ms, ...came_ms)
    if (raised.includes(alert) && silent_ms < window_ms - clockError_ms)
      yield `at ${at(ended_ms)} ${alert} was raised, ${silent_ms} ms after the last word`
    if (plan.pause === 0 && !raised.includes(alert) && silent_ms > window_ms + clockError_ms + tick_ms_max)
      yield `at ${at(ended_ms)} ${alert} was not raised, ${silent_ms} ms after the last word`
  }
}

const at = (ms: number): string => new Date(ms).toISOString()
