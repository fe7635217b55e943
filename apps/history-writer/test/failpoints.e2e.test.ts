import { setTimeout as sleep } from "node:timers/promises"
import { type Failpoint, failpoints } from "@landfall/adapters/process/failpoint"
import { until } from "@landfall/sandbox/until"
import { standStill } from "@landfall/setup/parts/stand-still"
import { expect, it, onTestFinished } from "vitest"
import { flowOf } from "./flow.ts"
import { givenHouse, givenParts, type House } from "./given-parts.ts"
import { environmentOf, givenService } from "./given-service.ts"
import { untilRead } from "./given-writer.ts"
import { checkInvariants, expectFlow } from "./invariants.ts"
import { send } from "./kafka-tools.ts"

const parts = givenParts()

const killed = { code: null, signal: "SIGKILL" }

const readSoFar = async ({ sql }: House): Promise<number> => {
  const [row] =
    await sql`select coalesce(sum(next_offset - first_offset), 0)::integer as read from checkpoints`
  return Number(row?.["read"])
}

/**
 * Each of these processes goes on from where the one before it was killed. Offsets are committed to Kafka when it is told to
 * end, so those that are killed there have written everything first: one follows after each of the others.
 */
const order: ReadonlyArray<Failpoint> = [
  "after_fetch",
  "before_kafka_commit",
  "in_transaction",
  "after_kafka_commit",
  "after_commit",
]

it("killed at each named point, it goes on from there, and each event is in the record exactly once", async () => {
  expect([...order].sort()).toEqual([...failpoints].sort())
  const house = await givenHouse(parts(), { partitions: 2 })
  const env = { ...environmentOf(house), KAFKA_MEMBER_NAME: "the-only-one" }
  const size = 400
  const flow = flowOf(size * (order.length + 1), 11)
  const sendPart = (nth: number) => send(house.brokers, flow.messages.slice(nth * size, (nth + 1) * size))
  for (const [nth, point] of order.entries()) {
    await sendPart(nth)
    const before = await readSoFar(house)
    const { child, log } = await givenService(parts(), { ...env, LANDFALL_FAILPOINT: point })
    if (point.endsWith("kafka_commit")) {
      // It also commits every few seconds: on a slow machine it may be killed before it has read all.
      let ended = false
      void child.exited.then(() => {
        ended = true
      })
      const all = (nth + 1) * size
      await until("all is read", async () => (ended || (await readSoFar(house)) === all ? true : null))
      void child.stop()
    }
    expect(await child.exited, `${point}: ${await log()}`).toEqual(killed)
    expect(await log()).toContain(`failpoint ${point}, passing 1: kill`)
    await checkInvariants(house)
    const written = (await readSoFar(house)) - before
    if (point === "after_fetch" || point === "in_transaction") expect(written, point).toBe(0)
    if (point === "after_commit") expect(written, point).toBeGreaterThan(0)
  }
  await sendPart(order.length)
  const { child } = await givenService(parts(), env)
  await expectFlow(house, flow)
  await child.stop()
  expect(await child.exited).toEqual({ code: 0, signal: null })
})

/**
 * A minute when asked for by `npm run test:faults -- --full`. What is shorter is still longer than all that the service waits
 * for: 5 s to connect, 10 s for a word inside of a transaction, 30 s for the whole of it; nothing in it tells 35 s from 60 s.
 */
const outageMs = process.env["FAULTS_FULL"] === "1" ? 60_000 : 35_000

it("while PostgreSQL stands still it is not ready, but lives; then it goes on, and each event is there exactly once", {
  timeout: 120_000 + outageMs,
}, async () => {
  const house = await givenHouse(parts(), { partitions: 2 })
  const flow = flowOf(4_000, 4)
  const { child, url } = await givenService(parts(), environmentOf(house))
  const base = await url()
  const health = async (what: "live" | "ready") => (await fetch(`${base}/health/${what}`)).status
  const untilReady = () => until("it is ready", async () => ((await health("ready")) === 200 ? true : null))
  await send(house.brokers, flow.messages.slice(0, 2_000))
  await untilRead(house, 2_000)
  await untilReady()
  const goOn = standStill(parts().postgres.pid)
  onTestFinished(goOn)
  const sinceMs = performance.now()
  await send(house.brokers, flow.messages.slice(2_000))
  // Before the batch is given up, which would be a reason as well.
  await until("readiness tells what it waits for", async () => {
    const answer = await fetch(`${base}/health/ready`)
    const told = (await answer.text()).includes("PostgreSQL has not finished a batch")
    return answer.status === 503 && told ? true : null
  })
  await sleep(Math.max(0, outageMs - (performance.now() - sinceMs)))
  expect(await Promise.all([health("live"), health("ready")])).toEqual([200, 503])
  goOn()
  await untilReady()
  await expectFlow(house, flow)
  await child.stop()
  expect(await child.exited).toEqual({ code: 0, signal: null })
})
