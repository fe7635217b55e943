import { endpoint } from "@landfall/adapters/config/endpoint"
import { openVerifier } from "@landfall/adapters/verifier/verifier"
import { VerifierFailed } from "@landfall/adapters/verifier/verifier-failed"
import { amount } from "@landfall/domain/amount"
import { afterEach, beforeEach, expect, test } from "vitest"
import type { VerifierFault } from "../../src/verifier/control.ts"
import { type SimulatedVerifier, startVerifier } from "../../src/verifier/start.ts"
import { expectMisbehaviour, type Patience, wireFaultReasons } from "../simulated/wire-faults.ts"

const account_id = "desk.near"
const btc = "nep141:btc.omft.near"
const eure = "nep141:gnosis-0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430.omft.near"

let verifier: SimulatedVerifier
let now_ms = Date.parse("2026-11-23T09:30:00.000Z")
beforeEach(async () => {
  verifier = await startVerifier({ now: () => now_ms })
})
afterEach(() => verifier.stop())

const ask = (patience: Patience = {}, contract_id = "intents.near") =>
  openVerifier({ endpoint: endpoint(verifier.url), contract_id, ...patience }).balances(account_id, [
    btc,
    eure,
  ])

const raw = async (body: unknown): Promise<unknown> => {
  const answer = await fetch(verifier.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  return answer.json()
}

test("answers a view call in NEAR's words: the bytes of a JSON list of decimal texts, and its block", async () => {
  await verifier.control.setBalance({ account_id, token_id: btc, amount: amount(150_000n) })
  const args = { account_id, token_ids: [btc, eure] }
  const answer = await raw({
    jsonrpc: "2.0",
    id: "dontcare",
    method: "query",
    params: {
      request_type: "call_function",
      finality: "final",
      account_id: "intents.near",
      method_name: "mt_batch_balance_of",
      args_base64: Buffer.from(JSON.stringify(args)).toString("base64"),
    },
  })
  expect(answer).toEqual({
    jsonrpc: "2.0",
    id: "dontcare",
    result: {
      result: [...Buffer.from('["150000","0"]')],
      logs: [],
      block_height: Math.floor(now_ms / 600),
      block_hash: expect.stringMatching(/^[1-9A-Za-z]{43}$/),
    },
  })
})

test("gives balances beyond 2^53 digit for digit, and adds credits to them", async () => {
  const units = 340_282_366_920_938_463_463_374_607_431_768_211_000n
  await verifier.control.setBalance({ account_id, token_id: eure, amount: amount(units) })
  await verifier.control.credit({ account_id, token_id: eure, amount: amount(455n) })
  await verifier.control.credit({ account_id: "other.near", token_id: btc, amount: amount(7n) })
  const { balances } = await ask()
  expect(balances).toEqual(
    new Map([
      [btc, 0n],
      [eure, 2n ** 128n - 1n],
    ]),
  )
})

test("refuses a balance that the contract could not hold", async () => {
  await expect(
    verifier.control.setBalance({ account_id, token_id: btc, amount: amount(2n ** 128n) }),
  ).rejects.toMatchObject({ status: 409 })
})

test("says that a contract does not exist as NEAR says it", async () => {
  await expect(ask({}, "intents.nowhere")).rejects.toMatchObject({
    reason: "rpc_error",
    message: expect.stringMatching(/UNKNOWN_ACCOUNT.*intents\.nowhere does not exist/),
  })
})

test.each(wireFaultReasons)("misbehaves on the wire as told (%s), and behaves again", (kind, reason) =>
  expectMisbehaviour(verifier.control, [kind, reason], ask),
)

test.each([
  ["rpc_error", "rpc_error", /UNAVAILABLE_SHARD/],
  ["string_error", "rpc_error", /upstream is not available/],
  ["contract_error", "contract_error", /Failed to deserialize input/],
  ["not_json", "malformed", /not UTF-8 JSON/],
  ["too_few", "malformed", /1 balances came for 2 tokens/],
  ["number_balances", "malformed", /whole numbers as text/],
  ["negative_balance", "malformed", /whole numbers as text/],
  ["no_block", "malformed", /no result of a view call/],
] satisfies Array<[VerifierFault, string, RegExp]>)(
  "gives no balances at all when the answer is wrong (%s)",
  async (kind, reason, words) => {
    await verifier.control.setBalance({ account_id, token_id: btc, amount: amount(5n) })
    await verifier.control.setFault({ kind })
    const error = await ask().catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(VerifierFailed)
    expect(error).toMatchObject({ reason, message: expect.stringMatching(words) })
  },
)

test("has blocks that advance with the clock, stand still, or are old, as told", async () => {
  const { block_height } = await ask()
  now_ms += 6_000
  expect((await ask()).block_height).toBe(block_height + 10)
  await verifier.control.setFault({ kind: "stuck_block" })
  await ask()
  now_ms += 6_000
  expect((await ask()).block_height).toBe(block_height + 10)
  await verifier.control.setFault({ kind: "old_block" })
  expect((await ask()).block_height).toBeLessThan(block_height)
})

test("obeys nobody without the token, and counts how often it was asked", async () => {
  const answer = await fetch(`${verifier.controlUrl}/control/clear-fault`, { method: "POST" })
  expect(answer.status).toBe(401)
  await ask()
  expect(await verifier.control.calls()).toBe(1)
})
