import fc from "fast-check"
import { expect, test } from "vitest"
import { createBlockWatch } from "../../src/verifier/block-watch.ts"
import { VerifierFailed } from "../../src/verifier/verifier-failed.ts"
import { balancesOf, viewCall } from "../../src/verifier/wire.ts"

const bytes = (text: string): number[] => [...Buffer.from(text, "utf8")]
const block = { block_height: 187_310_138, block_hash: "6RwmVCVYYL8dGcs5mHqmSyBCyCAuXJ1kdPjsnpLwvPNm" }
const answer = (result: unknown, more: object = {}) => ({
  jsonrpc: "2.0",
  id: "landfall",
  result: { result, logs: [], ...block, ...more },
})

const failureOf = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  return null
}

test("asks for a view of the contract at the newest final block, arguments as base64 of JSON", () => {
  const call = viewCall("intents.near", "mt_batch_balance_of", { account_id: "désk.near", token_ids: ["t"] })
  expect(call).toEqual({
    jsonrpc: "2.0",
    id: "landfall",
    method: "query",
    params: {
      request_type: "call_function",
      finality: "final",
      account_id: "intents.near",
      method_name: "mt_batch_balance_of",
      args_base64: Buffer.from('{"account_id":"désk.near","token_ids":["t"]}').toString("base64"),
    },
  })
})

test("reads every balance of 128 bits digit for digit", () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(0n, 2n ** 128n - 1n), { minLength: 1, maxLength: 5 }), (units) => {
      const text = JSON.stringify(units.map(String))
      expect(balancesOf(answer(bytes(text)), units.length)).toEqual({ amounts: units, ...block })
    }),
  )
})

test.each([
  ["a number", bytes("[1]")],
  ["a number in exponent form", bytes('["1e3"]')],
  ["leading zeros", bytes('["007"]')],
  ["a sign", bytes('["-1"]')],
  ["a fraction", bytes('["1.0"]')],
  ["more than 128 bits", bytes(`["${2n ** 128n}"]`)],
  ["null", bytes("[null]")],
  ["an object", bytes('{"0":"1"}')],
  ["nothing", []],
  ["a byte order mark", [0xef, 0xbb, 0xbf, ...bytes('["1"]')]],
  ["bytes that are no UTF-8", [0x5b, 0x22, 0xff, 0x22, 0x5d]],
  ["a byte beyond 255", [256]],
  ["a text instead of bytes", '["1"]'],
  ["deep nesting", bytes("[".repeat(100_000))],
])("makes no balance of %s", (_what, result) => {
  const failure = failureOf(() => balancesOf(answer(result), 1))
  expect(failure).toBeInstanceOf(VerifierFailed)
  expect(failure).toMatchObject({ reason: "malformed" })
})

test.each([0, 2, 3])("does not guess which tokens one balance is of when %i were asked for", (tokens) => {
  expect(failureOf(() => balancesOf(answer(bytes('["1"]')), tokens))).toMatchObject({
    reason: "malformed",
    message: expect.stringContaining(`1 balances came for ${tokens} tokens`),
  })
})

test.each([
  ["without a block height", { block_height: undefined }],
  ["with a negative block height", { block_height: -1 }],
  ["with a block height as text", { block_height: "187310138" }],
  ["without a block hash", { block_hash: undefined }],
])("does not believe balances %s", (_what, more) => {
  expect(failureOf(() => balancesOf(answer(bytes('["1"]'), more), 1))).toMatchObject({ reason: "malformed" })
})

test("believes an error more than a result beside it", () => {
  const both = { ...answer(bytes('["1"]')), error: { name: "INTERNAL_ERROR" } }
  expect(failureOf(() => balancesOf(both, 1))).toMatchObject({ reason: "rpc_error" })
  expect(balancesOf({ ...answer(bytes('["1"]')), error: null }, 1).amounts).toEqual([1n])
})

test("says an error of NEAR in its own words, on one printable line", () => {
  const error = {
    name: "HANDLER_ERROR",
    cause: { name: "UNKNOWN_ACCOUNT", info: {} },
    code: -32000,
    message: "Server error",
    data: "account intents.near does not exist\u001b[2J",
  }
  expect(failureOf(() => balancesOf({ error }, 1))).toMatchObject({
    message:
      "verifier: the node answered an error: HANDLER_ERROR, UNKNOWN_ACCOUNT, Server error, account intents.near does not exist\\u001b[2J",
  })
})

test("fails in words of its own on any answer whatever", () => {
  fc.assert(
    fc.property(fc.anything(), (anything) => {
      expect(failureOf(() => balancesOf(anything, 1))).toBeInstanceOf(VerifierFailed)
    }),
  )
})

test("takes blocks that advance or repeat for a while, and refuses older ones and a node that stands still", () => {
  const blocks = createBlockWatch({ stands_ms_max: 60_000 })
  blocks.check(100, 0)
  blocks.check(100, 60_000)
  expect(failureOf(() => blocks.check(100, 60_001))).toMatchObject({ reason: "stale" })
  blocks.check(101, 70_000)
  expect(failureOf(() => blocks.check(100, 70_001))).toMatchObject({
    reason: "stale",
    message: expect.stringContaining("block 101 was seen before"),
  })
  blocks.check(101, 130_000)
})
