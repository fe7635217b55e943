import { setTimeout as sleep } from "node:timers/promises"
import { ConsumerLost } from "@landfall/adapters/kafka/consumer"
import { expect, it } from "vitest"
import { givenHouse, givenParts } from "./given-parts.ts"
import { freshGroup, givenWriter, untilRead } from "./given-writer.ts"
import { checkInvariants } from "./invariants.ts"
import { send } from "./kafka-tools.ts"
import { prices } from "./messages.ts"

const parts = givenParts()

it("row 9, once: a writer whose name another instance takes ends with the reason, and the other goes on", async () => {
  const house = await givenHouse(parts())
  const named = { groupId: freshGroup(), memberName: "the-only-one" }
  const first = await givenWriter(house, named)
  await send(house.brokers, prices(0, 20))
  await untilRead(house, 20)
  const second = await givenWriter(house, named)
  await expect(first.writer.done).rejects.toThrow(ConsumerLost)
  await expect(first.writer.done).rejects.toThrow(/another instance has its name \(the-only-one\)/)
  await send(house.brokers, prices(20, 40))
  await untilRead(house, 40)
  expect(second.writer.trouble()).toBeNull()
  await checkInvariants(house)
})

it("row 8, once: a writer with a name goes on after a broker that was away for longer than its session", {
  timeout: 120_000,
}, async () => {
  const house = await givenHouse(parts())
  const { writer } = await givenWriter(house, {
    groupId: freshGroup(),
    memberName: "patient",
    limits: { auditMs: 200 },
  })
  await send(house.brokers, prices(0, 20))
  await untilRead(house, 20)
  const { kafka } = parts()
  await kafka.kill()
  await sleep(sessionMs + 3_000) // the fault itself: how long the broker is away
  await kafka.restart()
  await send(house.brokers, prices(20, 40))
  await untilRead(house, 40)
  expect(writer.partitions()).not.toEqual([])
  await checkInvariants(house)
})

/** After so long without a word from the group a member gives up its membership, and its name with it. */
const sessionMs = 10_000
