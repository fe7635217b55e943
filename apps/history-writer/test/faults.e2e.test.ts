import { existsSync } from "node:fs"
import { join } from "node:path"
import { openPublisher } from "@landfall/adapters/kafka/publisher"
import { topics } from "@landfall/domain/registry"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { until } from "@landfall/sandbox/until"
import { startKafka } from "@landfall/setup/parts/kafka"
import { startPostgres } from "@landfall/setup/parts/postgres"
import { createTopics as createTopicsOnce } from "@landfall/setup/parts/topics"
import { describe, expect, it, onTestFinished } from "vitest"
import { flowOf } from "./flow.ts"
import { givenHouse, givenParts, type House } from "./given-parts.ts"
import { environmentOf, givenService } from "./given-service.ts"
import { untilRead } from "./given-writer.ts"
import { checkInvariants, expectFlow } from "./invariants.ts"
import { send } from "./kafka-tools.ts"
import { priceMessage, priceOf } from "./messages.ts"
import { canMount, givenSmallDisk } from "./small-disk.ts"

const parts = givenParts()

const readSoFar = async ({ sql }: House): Promise<number> => {
  const [row] =
    await sql`select coalesce(sum(next_offset - first_offset), 0)::integer as read from checkpoints`
  return Number(row?.["read"])
}

const untilWritten = (house: House, messages: number): Promise<true> =>
  until(`more than ${messages} messages are written`, async () =>
    (await readSoFar(house)) > messages ? true : null,
  )

const untilReady = (base: string, status: 200 | 503): Promise<true> =>
  until(`readiness is ${status}`, async () =>
    (await fetch(`${base}/health/ready`)).status === status ? true : null,
  )

it("a writer that was stopped beyond its time and goes on writes nothing that its successor wrote", async () => {
  const house = await givenHouse(parts(), { partitions: 4 })
  const flow = flowOf(16_000, 9)
  const env = environmentOf(house)
  const zombie = await givenService(parts(), env)
  await send(house.brokers, flow.messages.slice(0, 8_000))
  await untilWritten(house, 0)
  process.kill(zombie.child.pid, "SIGSTOP")
  const successor = await givenService(parts(), { ...env, HTTP_PORT: "0" })
  await untilRead(house, 8_000)
  process.kill(zombie.child.pid, "SIGCONT")
  await send(house.brokers, flow.messages.slice(8_000))
  await expectFlow(house, flow)
  await Promise.all([zombie.child.stop(), successor.child.stop()])
  expect(await zombie.child.exited).toEqual({ code: 0, signal: null })
})

it("told twice to end under load, it ends in order within its time, and nothing is lost or doubled", async () => {
  const house = await givenHouse(parts(), { partitions: 4 })
  const flow = flowOf(40_000, 14)
  const env = { ...environmentOf(house), KAFKA_MEMBER_NAME: "the-only-one" }
  const { child } = await givenService(parts(), env)
  await send(house.brokers, flow.messages)
  await untilWritten(house, 1_000)
  process.kill(child.pid, "SIGTERM")
  process.kill(child.pid, "SIGTERM")
  expect(await child.exited).toEqual({ code: 0, signal: null })
  expect(await readSoFar(house), "the end came under load").toBeLessThan(flow.messages.length)
  await checkInvariants(house)
  await givenService(parts(), env)
  await untilRead(house, flow.messages.length)
  expect(await checkInvariants(house)).toMatchObject({ evidence: flow.evidence })
})

// Only root may mount the small disk.
describe.runIf(canMount)("a disk that is full", () => {
  it("under PostgreSQL holds the writer up, and nothing else: it is not ready, and goes on when there is room", async () => {
    const disk = await givenSmallDisk(256)
    const postgres = await startPostgres({
      dir: join(disk.dir, "postgres"),
      settings: { max_wal_size: "32MB", min_wal_size: "32MB", max_connections: 60 },
    })
    onTestFinished(() => postgres.kill())
    const house = await givenHouse({ ...parts(), postgres }, { partitions: 2 })
    const flow = flowOf(12_000, 5)
    const { child, url, log } = await givenService(parts(), environmentOf(house))
    const base = await url()
    await send(house.brokers, flow.messages.slice(0, 2_000))
    await untilRead(house, 2_000)
    await disk.fill()
    await send(house.brokers, flow.messages.slice(2_000))
    await untilReady(base, 503)
    expect(await log()).toContain("an attempt failed")
    await disk.empty()
    // A server that could not write its own log has ended; one that could not extend a table is still there.
    await postgres.restart()
    await untilReady(base, 200)
    await expectFlow(house, flow)
    await child.stop()
  })

  it("under Kafka loses nothing that was acknowledged, and the writer goes on when there is room", async () => {
    const disk = await givenSmallDisk(96)
    const kafka = await startKafka({ dir: join(disk.dir, "kafka") })
    onTestFinished(() => kafka.kill())
    const house = { ...(await givenHouse(parts())), brokers: kafka.brokers }
    await createTopicsOnce(
      kafka.brokers,
      topics.map(({ name }) => ({ topic: name, partitions: 2 })),
    )
    const { child, url } = await givenService(parts(), environmentOf(house))
    const base = await url()
    const publisher = openPublisher({ brokers: kafka.brokers, clientId: "test" }, "small-disk")
    const acknowledged: string[] = []
    let nth = 0
    let isOpen = false
    const publish = async (): Promise<boolean> => {
      const batch = Array.from({ length: 200 }, () => priceMessage(priceOf(nth++)))
      try {
        if (!isOpen) await publisher.open()
        isOpen = true
        await publisher.publish(
          batch.map(({ value }) => ({ topic: marketPriceTopic.name, key: "BTC/EURe", value })),
        )
        acknowledged.push(...batch.map(({ value }) => value))
        return true
      } catch {
        isOpen = false
        return false
      }
    }
    expect(await publish()).toBe(true)
    await disk.fill()
    const underWay = publish()
    await until("the broker ends", () => (existsSync(`/proc/${kafka.pid}`) ? null : true))
    await disk.empty()
    await kafka.restart()
    await underWay
    await until("the broker takes messages again", async () => ((await publish()) ? true : null))
    await untilReady(base, 200)
    await until("what was acknowledged is in the evidence", async () => {
      const rows = await house.sql<{ payload: string }[]>`select payload from market_prices`
      const kept = new Set(rows.map(({ payload }) => payload))
      return acknowledged.every((value) => kept.has(value)) ? true : null
    })
    await checkInvariants(house)
    await publisher.close()
    await child.stop()
  })
})
