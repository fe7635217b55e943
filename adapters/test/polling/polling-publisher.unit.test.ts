import { expect, onTestFinished, test } from "vitest"
import { Fenced, PublishUncertain } from "../../src/kafka/publisher.ts"
import { readinessOf, shownPublishing } from "../../src/polling/service.ts"
import { type Given, givenPublisher, price, type World } from "./given-publisher.ts"

const given = async (start: Partial<World> = {}): Promise<Given> => {
  const all = await givenPublisher(start)
  onTestFinished(() => all.publisher.stop())
  return all
}
const texts = (world: World) => world.topic.map((record) => record.price)

test("publishes at once, then what changed, and what did not only as a heartbeat", async () => {
  const { world, turn } = await given()
  expect(texts(world)).toEqual(["60000.1"])
  world.outside = "60001"
  await turn()
  for (let count = 0; count < 9; count++) await turn()
  expect(texts(world)).toEqual(["60000.1", "60001"])
  await turn()
  expect(texts(world)).toEqual(["60000.1", "60001", "60001"])
})

test("goes on after the records of its predecessor, and publishes none of them again", async () => {
  const now_ms = Date.UTC(2026, 10, 23)
  const { world, publisher, turn } = await given({ now_ms, topic: [price("60000.1", now_ms - 2_000)] })
  expect(texts(world)).toEqual(["60000.1"])
  expect(publisher.status().published.get("BTC/EURe")).toMatchObject({ price: "60000.1" })
  world.outside = "60002"
  await turn()
  expect(texts(world)).toEqual(["60000.1", "60002"])
})

test("publishes nothing while the outside is away, keeps what was known, and goes on when it is back", async () => {
  const { world, publisher, turn } = await given()
  world.outside = new Error("ticker at http://127.0.0.1:1: nothing listens there; is it running?")
  for (let count = 0; count < 20; count++) await turn()
  expect(texts(world)).toEqual(["60000.1"])
  expect(publisher.status()).toMatchObject({ poll_error: expect.stringContaining("nothing listens") })
  expect(publisher.status().published.size).toBe(1)
  expect(readinessOf(publisher.status())).toEqual({ ready: true, reasons: [] })
  world.outside = "60003"
  await turn()
  expect(texts(world)).toEqual(["60000.1", "60003"])
  expect(publisher.status().poll_error).toBeNull()
})

test("asks again sooner at first and then less and less often while the outside is away", async () => {
  const { world, turn } = await given({ outside: new Error("away") })
  for (let count = 0; count < 7; count++) await turn()
  expect(world.waits.slice(0, 7)).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000])
})

test("is not ready before Kafka and the outside have answered once, and says what it waits for", async () => {
  const { world, publisher, turn } = await given({
    openFails: new PublishUncertain("the broker is away"),
    outside: new Error("ticker: away"),
  })
  expect(readinessOf(publisher.status())).toEqual({
    ready: false,
    reasons: ["Kafka: the broker is away", "ticker: away"],
  })
  expect(shownPublishing(publisher.status()).publishing).toMatchObject({ state: "down" })
  world.outside = "1"
  await turn()
  expect(readinessOf(publisher.status()).ready).toBe(true)
  expect(texts(world)).toEqual(["1"])
})

test("reads its topic again after an uncertain publication, and publishes what is not there", async () => {
  const { world, turn } = await given()
  world.outside = "2"
  world.publishFails = { error: new PublishUncertain("commit timed out"), written: false }
  await turn()
  expect(texts(world)).toEqual(["60000.1"])
  await turn()
  expect(texts(world)).toEqual(["60000.1", "2"])
  expect(world.opened).toBe(2)
})

test("does not publish again what an uncertain publication did write", async () => {
  const { world, turn } = await given()
  world.outside = "2"
  world.publishFails = { error: new PublishUncertain("commit timed out"), written: true }
  await turn()
  await turn()
  await turn()
  expect(texts(world)).toEqual(["60000.1", "2"])
})

test("ends when another instance has taken over, while opening and while publishing", async () => {
  const publishing = await given()
  publishing.world.outside = "2"
  publishing.world.publishFails = { error: new Fenced("another instance"), written: false }
  await publishing.turn()
  await expect(publishing.publisher.done).rejects.toThrow(Fenced)
  expect(publishing.world.closed).toBe(1)
  const opening = await given({ openFails: new Fenced("another instance") })
  await expect(opening.publisher.done).rejects.toThrow(Fenced)
})

test("asks and publishes nothing while paused, and asks at once when resumed", async () => {
  const { world, publisher, waiting } = await given()
  const paused = waiting()
  await publisher.pause()
  await publisher.pause()
  await paused
  world.now_ms += 60_000
  world.outside = "2"
  expect(shownPublishing(publisher.status())).toMatchObject({
    paused: true,
    paused_since: "2026-11-23T00:00:00.000Z",
  })
  expect(texts(world)).toEqual(["60000.1"])
  const resumed = waiting()
  publisher.resume()
  await resumed
  expect(texts(world)).toEqual(["60000.1", "2"])
  expect(shownPublishing(publisher.status())).toMatchObject({ paused: false, paused_since: null })
})

test("drops an answer that comes after the pause", async () => {
  const { world, publisher, turn, waiting } = await given()
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  world.outside = () => {
    asked.resolve()
    return answer.promise
  }
  const turning = turn()
  await asked.promise
  await publisher.pause()
  answer.resolve("2")
  await turning
  expect(texts(world)).toEqual(["60000.1"])
  world.outside = "3"
  const resumed = waiting()
  publisher.resume()
  await resumed
  expect(texts(world)).toEqual(["60000.1", "3"])
})

test("holds records back while this machine's clock is behind what it has published, and says so", async () => {
  const now_ms = Date.UTC(2026, 10, 23)
  const { world, publisher, turn } = await given({ now_ms, topic: [price("1", now_ms + 1_500)] })
  expect(readinessOf(publisher.status())).toMatchObject({
    ready: false,
    reasons: [expect.stringContaining("clock is behind the newest record of BTC/EURe")],
  })
  await turn()
  expect(texts(world)).toEqual(["1"])
  await turn()
  expect(texts(world)).toEqual(["1", "60000.1"])
  expect(readinessOf(publisher.status()).ready).toBe(true)
})

test("lets go of the transactional id when it is stopped", async () => {
  const { world, publisher } = await given()
  expect(world.opened).toBe(1)
  await publisher.stop()
  await expect(publisher.done).resolves.toBeUndefined()
  expect(world.closed).toBe(1)
})
