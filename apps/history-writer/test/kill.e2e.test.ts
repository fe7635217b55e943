import { setTimeout as sleep } from "node:timers/promises"
import { until } from "@landfall/sandbox/until"
import { expect, it, onTestFinished } from "vitest"
import { startCommitSwallower } from "./commit-swallower.ts"
import { type Flow, flowOf, randomFrom } from "./flow.ts"
import { givenHouse, givenParts, type House } from "./given-parts.ts"
import { environmentOf, givenService } from "./given-service.ts"
import { expectFlow } from "./invariants.ts"
import { send } from "./kafka-tools.ts"

const parts = givenParts()

/** Longer than anywhere else: what was killed so often has more to read again. */
const patience = { timeoutMs: 90_000 }

/** Another seed each time; set SEED to play a run again. */
const givenSeed = (what: string): number => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000)
  console.log(`${what} with SEED=${seed}`)
  return seed
}

/** Sends the flow piece by piece, so that it lasts about so long; the messages come in while things go wrong. */
const flowIn = async (house: House, { messages }: Flow, lastMs: number): Promise<void> => {
  const pieces = 40
  const size = Math.ceil(messages.length / pieces)
  for (let at = 0; at < messages.length; at += size) {
    const startedMs = performance.now()
    await send(house.brokers, messages.slice(at, at + size))
    await sleep(Math.max(0, lastMs / pieces - (performance.now() - startedMs)))
  }
}

const readSoFar = async ({ sql }: House): Promise<number> => {
  const [row] =
    await sql`select coalesce(sum(next_offset - first_offset), 0)::integer as read from checkpoints`
  return Number(row?.["read"])
}

it("200,000 events are there exactly once, though the service is killed at random moments", async () => {
  const seed = givenSeed("kills")
  const random = randomFrom(seed)
  const house = await givenHouse(parts(), { partitions: 4 })
  const flow = flowOf(200_000, seed)
  const env = { ...environmentOf(house), KAFKA_MEMBER_NAME: "the-only-one" }
  const kills = 9
  const size = flow.messages.length / (kills + 1)
  // A part of the flow for each service, so that each has something to write, however fast the machine is.
  const partOf = (place: number): Flow => ({
    ...flow,
    messages: flow.messages.slice(place * size, (place + 1) * size),
  })
  const progress: number[] = []
  let interrupted = 0
  for (let place = 0; place < kills; place++) {
    const { child } = await givenService(parts(), env)
    const before = await readSoFar(house)
    const flowing = flowIn(house, partOf(place), 2_600) // longer than until the kill
    await until("it writes", async () => ((await readSoFar(house)) > before ? true : null))
    await sleep(random() * 1_800)
    await child.kill()
    await flowing
    const written = await readSoFar(house)
    progress.push(written - before)
    if (written < (place + 1) * size) interrupted++
  }
  console.log(`messages written between kills: ${progress.join(", ")}`)
  expect(interrupted, "kills came while it had something to write").toBeGreaterThan(2)
  const { child } = await givenService(parts(), env)
  await flowIn(house, partOf(kills), 0)
  await expectFlow(house, flow, patience)
  await child.stop()
  expect(await child.exited).toEqual({ code: 0, signal: null })
}, 240_000)

it("40,000 events are there exactly once, though the writer's PostgreSQL backends are terminated every 60 ms", async () => {
  const flow = flowOf(40_000, givenSeed("terminated backends"))
  const house = await givenHouse(parts(), { partitions: 4 })
  await givenService(parts(), environmentOf(house))
  await send(house.brokers, flow.messages)
  await until("it writes", async () => ((await readSoFar(house)) > 0 ? true : null))
  // For so long at most: on a busy machine hardly a batch is written within 60 ms.
  const deadline = performance.now() + 8_000
  let terminated = 0
  while (performance.now() < deadline && (await readSoFar(house)) < flow.messages.length) {
    const rows = await house.sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'history-writer'`
    terminated += rows.length
    await sleep(60)
  }
  console.log(`${terminated} backends were terminated, ${await readSoFar(house)} messages written meanwhile`)
  expect(terminated).toBeGreaterThan(10)
  await expectFlow(house, flow, patience)
}, 180_000)

it("40,000 events are there exactly once, though the answer to every third COMMIT is lost", async () => {
  const flow = flowOf(40_000, givenSeed("lost answers"))
  const house = await givenHouse(parts(), { partitions: 4 })
  const proxy = await startCommitSwallower(parts().postgres.port, 3)
  onTestFinished(() => proxy.close())
  const url = new URL(house.url)
  url.port = String(proxy.port)
  const { log } = await givenService(parts(), {
    ...environmentOf(house),
    DATABASE_URL: url.href,
    MIGRATE: "false",
  })
  await flowIn(house, flow, 5_000)
  await expectFlow(house, flow, patience)
  console.log(`${proxy.swallowed()} answers were swallowed`)
  expect(proxy.swallowed()).toBeGreaterThan(3)
  expect(await log()).toContain("an attempt failed; going on from the checkpoint")
}, 180_000)

it("40,000 events are there exactly once, though PostgreSQL and then the broker are killed and started again", async () => {
  const { kafka, postgres } = parts()
  const flow = flowOf(40_000, givenSeed("killed parts"))
  const house = await givenHouse(parts(), { partitions: 4 })
  const { child, url, log } = await givenService(parts(), environmentOf(house))
  const base = await url()
  const health = () => fetch(`${base}/health/ready`)
  const ready = async () => (await health()).status
  const standing = async () => [await (await health()).text(), (await log()).slice(-1_500)]
  const flowing = flowIn(house, flow, 6_000)
  const some = async (messages: number) => ((await readSoFar(house)) > messages ? true : null)
  await until("some are written", () => some(1_000))
  await postgres.kill()
  const unready = async () => ((await ready()) === 503 ? true : null)
  await until("the service says that it is not ready without PostgreSQL", unready)
  await postgres.restart()
  await until("it writes again", () => some(10_000))
  await kafka.kill()
  await until("the service says that it is not ready without Kafka", unready, { timeoutMs: 90_000 })
  await kafka.restart()
  await flowing
  await expectFlow(house, flow, patience)
  await until("the service is ready again", async () => ((await ready()) === 200 ? true : null), {
    standing,
  })
  await child.stop()
  expect(await child.exited).toEqual({ code: 0, signal: null })
}, 240_000)
