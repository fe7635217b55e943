import { ConsumerLost } from "@landfall/adapters/kafka/consumer"
import { expect, it } from "vitest"
import { givenHouse, givenParts } from "./given-parts.ts"
import { freshGroup, type GivenWriter, givenWriter, untilRead } from "./given-writer.ts"
import { checkInvariants } from "./invariants.ts"
import { send } from "./kafka-tools.ts"
import { prices } from "./messages.ts"

const parts = givenParts()

/** How often a writer has lost its name and joined anew. */
const joinedAnew = ({ events }: GivenWriter): number =>
  events.filter((event) => event.type === "retrying" && event.error instanceof ConsumerLost).length

it("rows 8 and 9, once: a writer whose name is given away joins anew once, and ends with the reason when another instance has it", async () => {
  const house = await givenHouse(parts())
  const named = { groupId: freshGroup(), memberName: "the-only-one" }
  const first = await givenWriter(house, named)
  await send(house.brokers, prices(0, 20))
  await untilRead(house, 20)
  const second = await givenWriter(house, named)
  await expect(first.writer.done).rejects.toThrow(/another instance has its name \(the-only-one\)/)
  await send(house.brokers, prices(20, 40))
  await untilRead(house, 40)
  expect([joinedAnew(first), joinedAnew(second)]).toEqual([1, 1])
  expect(second.writer.trouble()).toBeNull()
  await checkInvariants(house)
})
