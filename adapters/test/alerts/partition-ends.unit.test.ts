import { expect, test } from "vitest"
import { endsOf } from "../../src/alerts/partition-ends.ts"

const partitions = [
  { topic: "ref.market_price", partition: 0 },
  { topic: "ref.market_price", partition: 1 },
  { topic: "ops.alert", partition: 0 },
]

test("gives the end of every partition", () => {
  expect(
    endsOf(partitions, [
      { topic: "ops.alert", partition: 0, offset: 0 },
      { topic: "ref.market_price", partition: 1, offset: 7 },
      { topic: "ref.market_price", partition: 0, offset: 3 },
    ]),
  ).toEqual({ "ref.market_price": { "0": 3, "1": 7 }, "ops.alert": { "0": 0 } })
})

test.each([
  [
    "has an error",
    [{ topic: "ref.market_price", partition: 1, offset: 7, error: { message: "no leader", code: 5 } }],
  ],
  ["has no offset", [{ topic: "ref.market_price", partition: 1, offset: -1 }]],
  ["is missing", []],
])("leaves out a topic of which one partition %s", (_, second) => {
  const first = { topic: "ref.market_price", partition: 0, offset: 3 }
  const own = { topic: "ops.alert", partition: 0, offset: 9 }
  expect(endsOf(partitions, [first, own, ...second])).toEqual({ "ops.alert": { "0": 9 } })
})
