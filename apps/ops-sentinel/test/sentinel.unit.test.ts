import { LogBroken } from "@landfall/adapters/history/resume"
import { Fenced } from "@landfall/adapters/kafka/publisher"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { until } from "@landfall/sandbox/until"
import { describe, expect, it } from "vitest"
import { readinessOf, standingOf, stateOf } from "../src/state.ts"
import { givenSentinel } from "./in-memory.ts"

const pair = "BTC/EURe"
const key = `reference_price_stale:market-reference-ingest:${pair}`

/** One whose price has just gone stale, and that has not ticked since. */
const givenStale = async () => {
  const world = givenSentinel()
  await world.started()
  world.price(pair)
  await world.sentinel.evaluate()
  world.goStale()
  return world
}

describe("a publication", () => {
  it("counts once it was read back, and is not made again", async () => {
    const { sentinel, alerts } = await givenStale()
    const turn = await sentinel.evaluate()
    expect(turn).toMatchObject({
      alerts: [{ alert_key: key, status: "raised" }],
      caught_up: true,
      looked_at: 1,
    })
    expect(turn?.publish_ms).not.toBeNull()
    expect(stateOf(sentinel)).toMatchObject({ active_alerts: [{ alert_key: key }], lagging: [] })
    expect(await sentinel.evaluate()).toMatchObject({ alerts: [], publish_ms: null })
    expect(alerts()).toHaveLength(1)
  })

  it.each(["lost", "committed unanswered"] as const)(
    "that was %s is in the topic once after the next tick",
    async (fate) => {
      const { sentinel, alerts, nextPublication, opened, readers } = await givenStale()
      nextPublication(fate)
      expect(await sentinel.evaluate()).toBeNull()
      await until("it to go on", async () => (sentinel.trouble() === null ? true : null))
      await sentinel.evaluate()
      expect(alerts().map(({ status }) => status)).toEqual(["raised"])
      // The id was taken again, and nothing else was read anew.
      expect([opened(), readers()]).toEqual([2, 1])
      expect(stateOf(sentinel).active_alerts).toHaveLength(1)
    },
  )

  it("that another instance's takeover refuses ends the process", async () => {
    const { sentinel, nextPublication, done } = await givenStale()
    nextPublication("fenced")
    expect(await sentinel.evaluate()).toBeNull()
    await expect(done).rejects.toThrow(Fenced)
  })
})

it("that is started anew holds the price that was held before, and not one that was never held", async () => {
  const before = givenSentinel()
  await before.started()
  for (const ahead_ms of [60_000, 30_000, 0]) {
    before.price(pair, ahead_ms)
    await before.sentinel.evaluate()
    before.goOn(500)
  }
  before.goStale()
  expect(await before.sentinel.evaluate()).toMatchObject({ alerts: [{ alert_key: key, status: "raised" }] })
  const anew = givenSentinel({ before })
  await anew.started()
  await anew.sentinel.evaluate()
  expect(stateOf(anew.sentinel)).toMatchObject({ active_alerts: [{ alert_key: key }] })
  expect(anew.alerts()).toHaveLength(1)
})

it("ends when another instance has published, without waiting to be fenced", async () => {
  const first = await givenStale()
  await first.sentinel.evaluate()
  const [alert] = first.alerts()
  const second = await givenStale()
  if (alert === undefined) throw new Error("nothing was raised")
  second.append(alert)
  await second.sentinel.evaluate()
  await expect(second.done).rejects.toThrow("another instance published raised of episode 1")
})

it("takes what was published before it as known", async () => {
  const first = await givenStale()
  await first.sentinel.evaluate()
  const [alert] = first.alerts()
  if (alert === undefined) throw new Error("nothing was raised")
  const second = givenSentinel()
  second.append(alert)
  await second.started()
  expect(stateOf(second.sentinel).active_alerts).toMatchObject([{ alert_key: key }])
})

describe("without Kafka's word on where the partitions end", () => {
  it("holds every state as lagging, says why, and goes on when it is back", async () => {
    const { sentinel, failEnds, alerts } = await givenStale()
    failEnds("no broker answers")
    expect(await sentinel.evaluate()).toMatchObject({ alerts: [], caught_up: false })
    expect(stateOf(sentinel)).toMatchObject({
      trouble: "Kafka: no broker answers",
      evaluations: { [key]: { state: "lagging" } },
    })
    expect(readinessOf(sentinel)).toEqual({ ready: false, reasons: ["Kafka: no broker answers"] })
    failEnds(null)
    expect(await sentinel.evaluate()).toMatchObject({ alerts: [{ alert_key: key }], caught_up: true })
    expect(readinessOf(sentinel)).toEqual({ ready: true, reasons: [] })
    expect(alerts()).toHaveLength(1)
  })

  it("of one topic, is not ready, and raises nothing about it", async () => {
    const { sentinel, withoutLeader } = await givenStale()
    withoutLeader(marketPriceTopic.name)
    expect(await sentinel.evaluate()).toMatchObject({ alerts: [], caught_up: false })
    const unknown = `Kafka: the end of ${marketPriceTopic.name} is not known`
    expect(readinessOf(sentinel)).toEqual({ ready: false, reasons: [unknown] })
    withoutLeader(null)
    expect(await sentinel.evaluate()).toMatchObject({ alerts: [{ alert_key: key }], caught_up: true })
    expect(readinessOf(sentinel)).toEqual({ ready: true, reasons: [] })
  })
})

it("raises nothing about a topic that it cannot read to its end, and names the partition", async () => {
  const { sentinel, hideFrom, showAll, price, goOn } = await givenStale()
  price(pair)
  hideFrom(marketPriceTopic.name, 1)
  expect(await sentinel.evaluate()).toMatchObject({ alerts: [], caught_up: false })
  expect(stateOf(sentinel).lagging).toEqual([{ topic: marketPriceTopic.name, partition: "0", lag: 1 }])
  expect(readinessOf(sentinel).reasons).toEqual([
    `${marketPriceTopic.name}/0 was not read to its end: 1 offsets are missing`,
  ])
  goOn(250)
  expect(standingOf(sentinel, sentinel.latest()?.at_ms ?? 0).behind_seconds).toMatchObject({
    [marketPriceTopic.name]: 1,
  })
  showAll()
  // The price that was there all the time keeps it from being stale.
  expect(await sentinel.evaluate()).toMatchObject({ alerts: [], caught_up: true })
})

it("does not take what was written while it was stopped for the word of a wrong clock", async () => {
  const { sentinel, alerts, price, goOn, whileReading } = givenSentinel()
  await until("the first tick", async () => sentinel.latest())
  whileReading(() => {
    goOn(20_000)
    price(pair)
  })
  await sentinel.evaluate()
  await sentinel.evaluate()
  expect(alerts()).toEqual([])
})

it("is paused once the publication under way is over, and not before", async () => {
  const { sentinel, alerts, hold } = await givenStale()
  const release = hold()
  const ticking = sentinel.evaluate()
  let paused = false
  const pausing = until("the tick", async () => (sentinel.ticking() ? true : null)).then(async () => {
    await sentinel.pause()
    paused = true
  })
  await until("the pause to be asked for", async () => (sentinel.paused_since_ms() === null ? null : true))
  expect([paused, alerts()]).toEqual([false, []])
  release()
  await pausing
  expect(alerts()).toHaveLength(1)
  expect(await ticking).toMatchObject({ alerts: [{ alert_key: key }] })
})

it("emits nothing while paused, and then only what is true now", async () => {
  const { sentinel, alerts, goStale, price } = await givenStale()
  await sentinel.evaluate()
  await sentinel.pause()
  price(pair)
  await sentinel.evaluate()
  goStale()
  await sentinel.evaluate()
  sentinel.resume()
  await sentinel.evaluate()
  // It recovered and went stale again unseen: still the same episode.
  expect(alerts().map(({ status }) => status)).toEqual(["raised"])
  price(pair)
  await sentinel.evaluate()
  expect(alerts().map(({ status, episode }) => `${status} ${episode}`)).toEqual(["raised 1", "cleared 1"])
})

it("evaluates at once when resumed, and not only at the next tick", async () => {
  const { sentinel, alerts } = await givenStale()
  await sentinel.pause()
  await sentinel.evaluate()
  expect(alerts()).toEqual([])
  sentinel.resume()
  await until("the alert", async () => (alerts().length > 0 ? true : null))
})

it("reads everything anew after a failure of reading, and ends when the log is another one", async () => {
  let failures = 2
  const failing = givenSentinel({
    readOnce: () => {
      if (failures-- > 0) throw new Error("the broker is away")
    },
  })
  await failing.started()
  expect(failing.readers()).toBe(3)

  const broken = givenSentinel({
    readOnce: () => {
      throw new LogBroken("ops.alert was deleted and created again")
    },
  })
  await expect(broken.done).rejects.toThrow(LogBroken)
  expect(await broken.sentinel.evaluate()).toBeNull()
})
