import { topics } from "@landfall/domain/registry"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { clockSkewMsMax } from "@landfall/evaluators/alerts/clamp"
import { replayAlerts } from "@landfall/evaluators/alerts/replay"
import { raisedAt } from "@landfall/evaluators/testing/oracle"
import { policiesSince, type QuietTick } from "../services/ops-sentinel.ts"
import type { EndedWorld, Invariant } from "./invariant.ts"
import { type LoggedRecord, recordsOf } from "./records.ts"

/** So many ticks are held against the oracle, which works by brute force. */
const ticksChecked = 6

/** At a tick exactly those alerts are raised that follow from what was in the log, and nothing is raised otherwise. */
export const alerts: Invariant = function* (world) {
  const { quietTicks } = world
  const logged = new Map(topics.map((topic) => [topic.name, recordsOf<unknown>(world.kafka, topic)]))
  const stride = Math.max(1, Math.ceil(quietTicks.length / ticksChecked))
  const last = quietTicks.at(-1)
  if (last === undefined || last.now_ms < world.healed_ms)
    yield "no tick after the healing had read everything"
  const checked = quietTicks.filter((_, index) => index % stride === 0)
  for (const tick of last === undefined ? [] : [...checked, last]) yield* differences(world, logged, tick)
}

function* differences(
  { start_ms }: EndedWorld,
  logged: ReadonlyMap<string, ReadonlyArray<LoggedRecord<unknown>>>,
  { now_ms, read, raised }: QuietTick,
): Iterable<string> {
  // What Kafka dates well after the tick speaks of the tick at most.
  const held = (message: LoggedRecord<unknown>) =>
    message.kafka_ms > now_ms + clockSkewMsMax ? { ...message, kafka_ms: now_ms } : message
  const messages = (topic: string) =>
    (logged.get(topic) ?? [])
      .filter(({ partition, offset }) => offset < (read[topic]?.[partition] ?? 0))
      .map(held)
  const expected = raisedAt({ messages }, start_ms, now_ms, Number.POSITIVE_INFINITY)
  const missing = expected.filter((alert) => !raised.includes(alert))
  const surplus = raised.filter((alert) => !expected.includes(alert))
  const at = new Date(now_ms).toISOString()
  if (missing.length > 0) yield `at ${at} these alerts were lost: ${missing.join(", ")}`
  if (surplus.length > 0) yield `at ${at} these alerts were raised without a reason: ${surplus.join(", ")}`
}

/** Deciding again what was decided gives the same bytes. */
export const alertReplay: Invariant = function* ({ kafka, start_ms }) {
  const recorded = recordsOf<Alert>(kafka, alertTopic)
    .filter(({ inTransaction }) => inTransaction)
    .map(({ record }) => record)
  const events = topics
    .filter(({ name }) => name !== alertTopic.name)
    .flatMap((topic) => recordsOf<unknown>(kafka, topic))
  const replay = replayAlerts(events, recorded, { policies: policiesSince(start_ms) })
  for (const { recorded: was, same } of replay.alerts)
    if (!same) yield `deciding ${was.status} ${was.episode} of ${was.alert_key} again gives another result`
  for (const { status, episode, alert_key } of replay.unexpected)
    yield `deciding again gives ${status} ${episode} of ${alert_key}, which was never published`
}
