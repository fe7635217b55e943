import { type Failpoint, failpoints } from "@landfall/adapters/process/failpoint"
import { expect, it } from "vitest"
import { flowOf } from "./flow.ts"
import { givenHouse, givenParts, type House } from "./given-parts.ts"
import { environmentOf, givenService } from "./given-service.ts"
import { untilRead } from "./given-writer.ts"
import { checkInvariants } from "./invariants.ts"
import { send } from "./kafka-tools.ts"
import { until } from "./until.ts"

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
  await untilRead(house, flow.messages.length)
  expect(await checkInvariants(house)).toEqual({
    evidence: flow.evidence,
    duplicates: flow.duplicates,
    deadLetters: flow.poison,
  })
  await child.stop()
  expect(await child.exited).toEqual({ code: 0, signal: null })
})
