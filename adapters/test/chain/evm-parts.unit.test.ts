import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { evmReader } from "../../src/chain/evm-reader.ts"
import { EvmError } from "../../src/chain/evm-rpc.ts"
import type { Block, Log } from "../../src/chain/evm-schemas.ts"
import { createTrail, forkPoint } from "../../src/chain/evm-trail.ts"
import { addressTopic, transfersIn, transferTopic } from "../../src/chain/evm-transfers.ts"

const token = "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430"
const [sender, receiver] = [`0x${"1".repeat(40)}`, `0x${"2".repeat(40)}`] as const
const hash = (pair: string): string => `0x${pair.repeat(32)}`

const log = (changes: Partial<Log> = {}): Log => ({
  address: token,
  topics: [transferTopic, addressTopic(sender), addressTopic(receiver)],
  data: `0x${"5".padStart(64, "0")}`,
  blockNumber: "0x10",
  blockHash: hash("b0"),
  transactionHash: hash("aa"),
  logIndex: "0x0",
  ...changes,
})

describe("the transfers among logs", () => {
  test("are numbered within their transaction by their order in the block, not by the log's own number", () => {
    const transfers = transfersIn(
      [
        log({ logIndex: "0x9" }),
        log({ logIndex: "0x4", transactionHash: hash("cc") }),
        log({ logIndex: "0x2" }),
        log({ logIndex: "0x5", transactionHash: hash("cc") }),
      ],
      token,
    )
    expect(transfers.map(({ tx_hash, nth }) => [tx_hash.slice(2, 4), nth])).toEqual([
      ["aa", 0],
      ["cc", 0],
      ["cc", 1],
      ["aa", 1],
    ])
    expect(transfers[0]).toMatchObject({ from: sender, to: receiver, amount: 5n, block_height: 16 })
  })

  test("leave out a log that the node calls removed", () => {
    const kept = transfersIn([log({ removed: true }), log({ logIndex: "0x1", removed: false })], token)
    expect(kept.map(({ nth }) => nth)).toEqual([0])
  })

  test("take the largest amount there is", () => {
    expect(transfersIn([log({ data: `0x${"f".repeat(64)}` })], token)[0]?.amount).toBe(2n ** 256n - 1n)
  })

  const wrong: ReadonlyArray<readonly [string, Partial<Log>]> = [
    ["of another contract", { address: "0xcb444e90d8198415266c6a2724b7900fb12fc56e" }],
    ["of another event", { topics: [hash("dd") as "0x", addressTopic(sender), addressTopic(receiver)] }],
    ["with no receiver", { topics: [transferTopic, addressTopic(sender)] }],
    ["with no topics", { topics: [] }],
    ["with no amount", { data: "0x" }],
    ["with an amount that is cut", { data: "0x05" }],
  ]
  test.each(wrong)("refuse a log %s", (_what, changes) => {
    expect(() => transfersIn([log(changes)], token)).toThrow(EvmError)
  })

  test("refuse one log listed twice", () => {
    expect(() => transfersIn([log(), log()], token)).toThrow(/twice/)
  })
})

describe("the receipt of a transaction", () => {
  const receipt = (changes: object) =>
    evmReader(
      {
        shown: "a node",
        batch: async () => [
          {
            blockNumber: "0x10",
            blockHash: hash("b0"),
            transactionHash: hash("aa"),
            logs: [],
            ...changes,
          },
        ],
      },
      token,
    ).receipts([hash("aa")])

  test("counts the token's transfers among the logs of others, however long those are", async () => {
    const long = log({ address: sender, data: `0x${"00".repeat(100_000)}`, topics: [hash("ee") as "0x"] })
    const logs = [long, log({ logIndex: "0x1" }), log({ logIndex: "0x2" })]
    const [word] = await receipt({ status: "0x1", logs })
    expect(word?.transfers.map(({ nth }) => nth)).toEqual([0, 1])
  })

  test("has no transfers when the transaction was reverted, whatever it lists", async () => {
    expect(await receipt({ status: "0x0", logs: [log()] })).toMatchObject([{ transfers: [] }])
  })

  test("of another transaction is refused", async () => {
    await expect(receipt({ transactionHash: hash("ab") })).rejects.toThrow(
      /the receipt of 0xabab.* for 0xaaaa/,
    )
  })
})

const block = (height: number, branch = "a"): Block => ({
  height,
  hash: `${branch}${height}`,
  parent_hash: `${branch}${height - 1}`,
  time_ms: 0,
})

describe("the trail of blocks", () => {
  test("stays within its size, keeps the newest, and reaches back to the beginning", () => {
    const trail = createTrail(100)
    for (let height = 0; height < 10_000; height++) trail.add(block(height))
    const heights = trail.blocks().map(({ height }) => height)
    expect(heights.length).toBeLessThanOrEqual(100)
    expect(heights.slice(-40)).toEqual(Array.from({ length: 40 }, (_, index) => 9_960 + index))
    expect(heights[0]).toBe(0)
    expect(heights).toEqual(heights.toSorted((left, right) => left - right))
  })

  test("finds the last block that is still on the chain, in few questions", () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat({ max: 3_000 }), { maxLength: 200 }),
        fc.integer({ min: -1, max: 3_001 }),
        async (heights, fork) => {
          const blocks = heights.toSorted((left, right) => left - right).map((height) => block(height))
          let asked = 0
          const found = await forkPoint(blocks, async (height) => {
            asked++
            return height <= fork ? `a${height}` : `b${height}`
          })
          expect(found).toEqual(blocks.findLast(({ height }) => height <= fork) ?? null)
          expect(asked).toBeLessThanOrEqual(9)
        },
      ),
    ))
})
