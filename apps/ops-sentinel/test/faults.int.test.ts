import { setTimeout as sleep } from "node:timers/promises"
import { createCheckpoint } from "@landfall/adapters/history/checkpoint"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { alertTopic } from "@landfall/domain/topics/alert"
import { readTopic } from "@landfall/sandbox/read-topic"
import type { RunningService } from "@landfall/sandbox/stack/services"
import { until } from "@landfall/sandbox/until"
import { movedClock } from "@landfall/setup/parts/moved-clock"
import { expect, onTestFinished, test } from "vitest"
import { givenWorld, policyFile, short, tick_ms } from "./given-world.ts"
import { replayEverything } from "./replay.ts"

const given = givenWorld({ history: false })

const hour_s = 3_600
/** Much more than the steady clock gains on a moved one while this runs. */
const max_age_ms = 2_000

const policy = async () => {
  const rules = { ...policyFile(1).rules, reference_price_stale: { max_age_ms } }
  return { ALERT_POLICY_FILE: await given().policy({ ...policyFile(1), rules }) }
}

const skewOf = async ({ url }: RunningService): Promise<number> => {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^landfall_clock_skew_seconds (\S+)$/m.exec(metrics)?.[1])
}

test("row 15, order: with the clock moved an hour ahead and back, no alert is lost, doubled or raised before its time, and the skew is shown", {
  timeout: 120_000,
}, async () => {
  const world = given()
  const clock = await movedClock(world.dir)
  const sentinel = await world.serve("ops-sentinel", { ...clock.env, ...(await policy()) })
  expect(await skewOf(sentinel)).toBe(0)
  // One pair is fresh all the time; each of the others goes stale once while the clock is wrong, and recovers.
  let going = true
  const freshening = (async () => {
    for (; going; await sleep(4 * tick_ms)) await world.price("FRESH/EURe")
  })()
  onTestFinished(async () => {
    going = false
    await freshening
  })
  /** Resolves when the service goes by a clock that is so far off. */
  const moved = async (seconds: number): Promise<void> => {
    await clock.move(seconds)
    await until(`the skew to be ${seconds} seconds`, async () =>
      Math.abs((await skewOf(sentinel)) - seconds) < 60 ? true : null,
    )
  }
  const outage = async (pair: string, middle: () => Promise<void>): Promise<void> => {
    const began_ms = Date.now()
    await world.price(pair)
    const [raised] = await world.transitions(pair, ["raised 1"])
    expect(Date.parse(raised?.raised_at ?? "")).toBeGreaterThanOrEqual(began_ms + max_age_ms)
    await middle()
    await world.price(pair)
    await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  }
  await moved(hour_s)
  await outage("AHEAD/EURe", async () => {})
  await outage("TO-AND-FRO/EURe", () => moved(-hour_s))
  await outage("BACK/EURe", async () => {})
  await outage("RIGHT/EURe", () => moved(0))
  going = false
  await freshening
  await world.transitions("FRESH/EURe", ["raised 1"])

  const alerts = await readTopic(world.kafka.brokers, alertTopic)
  expect(new Set(alerts.map(({ alert_event_id }) => alert_event_id)).size).toBe(alerts.length)
  for (const ofKey of Map.groupBy(alerts, ({ alert_key }) => alert_key).values())
    expect(ofKey.map(short)).toEqual(["raised 1", "cleared 1", "raised 2"].slice(0, ofKey.length))
  expect((await world.log(sentinel)).match(/this machine's clock was moved/g)).toHaveLength(3)
  await sentinel.process.stop()
  const replay = await replayEverything(world)
  expect(replay.alerts.filter(({ same }) => !same)).toEqual([])
  expect(replay.unexpected).toEqual([])
})

test("row 6, once: behind an old backup of Kafka nothing is published: it ends with the reason", {
  timeout: 60_000,
}, async () => {
  const world = given()
  const pair = "RESTORED/EURe"
  const admin = openAdmin({ brokers: world.kafka.brokers, clientId: "test" })
  onTestFinished(admin.close)
  const [described] = await admin.describe([alertTopic.name])
  // More of the topic is recorded than Kafka has.
  const at = { topic: alertTopic.name, partition: 0, firstOffset: 1_000_000 }
  await world.database.transaction((transaction) =>
    createCheckpoint(transaction, { ...at, topicId: described?.topicId ?? Buffer.alloc(16) }, Date.now()),
  )
  await world.price(pair)
  const sentinel = await world.spawn(await policy())
  expect(await sentinel.exited).toEqual({ code: 1, signal: null })
  expect(await sentinel.output()).toMatch(
    /ops\.alert\/0 was truncated: it ends at offset \d+, but everything before 1000000 was read/,
  )
  expect(await world.alerts(pair)).toEqual([])
})
