import { endpoint } from "@landfall/adapters/config/endpoint"
import { examineBridge } from "@landfall/adapters/doctor/systems"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import { amount } from "@landfall/domain/amount"
import { afterEach, beforeEach, expect, test } from "vitest"
import { bridgeControl } from "../../src/bridge/control-client.ts"
import { type Bridge, startBridge } from "../../src/bridge/start.ts"
import { expectMisbehaviour, type Patience, wireFaultReasons } from "../simulated/wire-faults.ts"

let bridge: Bridge
beforeEach(async () => {
  bridge = await startBridge({ now: () => Date.parse("2026-11-23T09:30:00.000Z") })
})
afterEach(() => bridge.stop())

const handle = { account_id: "desk.near", chain: "btc:mainnet", address: "bcrt1qdesk" }
const sats = amount(150_000n)

const request = (method: string, params: unknown) => ({ jsonrpc: "2.0", id: "1", method, params: [params] })

const ask = (
  method: string,
  params: unknown = { account_id: "desk.near", chain: "btc:mainnet" },
  patience: Patience = {},
) => {
  const client = createJsonClient({ name: "bridge", endpoint: endpoint(bridge.url), ...patience })
  return client.post("", request(method, params))
}

test("lists deposits in the real bridge's words, newest first, with paging", async () => {
  await bridge.control.addDeposit({ ...handle, amount: sats, tx_hash: "aa", from: "bcrt1qsender" })
  await bridge.control.addDeposit({ ...handle, amount: sats })
  await bridge.control.addDeposit({ ...handle, account_id: "other.near", amount: sats })
  expect(await ask("recent_deposits")).toEqual({
    jsonrpc: "2.0",
    id: "1",
    result: {
      deposits: [
        expect.objectContaining({ tx_hash: "", status: "PENDING" }),
        {
          tx_hash: "aa",
          chain: "btc:mainnet",
          defuse_asset_identifier: "btc:mainnet:native",
          near_token_id: "btc.omft.near",
          decimals: 8,
          amount: 150_000,
          account_id: "desk.near",
          address: "bcrt1qdesk",
          status: "PENDING",
          mint_tx_hash: "",
          created_at: "2026-11-23T09:30:00.000Z",
          from: "bcrt1qsender",
        },
      ],
      total: 2,
      limit: 20,
      offset: 0,
    },
  })
  expect(await ask("recent_deposits", { account_id: "desk.near", limit: 1, offset: 1 })).toMatchObject({
    result: { deposits: [{ tx_hash: "aa" }], total: 2, limit: 1, offset: 1 },
  })
})

test("writes amounts as bare JSON numbers with all their digits", async () => {
  const units = 9_007_199_254_740_993_000_000_000_001n
  await bridge.control.addDeposit({ ...handle, chain: "eth:100", amount: amount(units) })
  const answer = await fetch(bridge.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request("recent_deposits", { account_id: "desk.near", chain: "eth:100" })),
  })
  expect(await answer.text()).toContain(`"amount":${units},`)
  expect(await ask("recent_deposits", { account_id: "desk.near", chain: "eth:100" })).toMatchObject({
    result: { deposits: [{ amount: units, decimals: 18 }] },
  })
})

test("credits, under the chain's hash or another, fails and recovers, and says words nobody knows", async () => {
  const { deposit_id } = await bridge.control.addDeposit({ ...handle, amount: sats, tx_hash: "aa" })
  expect(await bridge.control.fail(deposit_id)).toMatchObject({ status: "FAILED", tx_hash: "aa" })
  expect(await bridge.control.setStatus(deposit_id, "UNDER_REVIEW")).toMatchObject({ status: "UNDER_REVIEW" })
  expect(await bridge.control.credit({ deposit_id })).toMatchObject({
    status: "COMPLETED",
    tx_hash: "aa",
    mint_tx_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  await bridge.control.credit({ deposit_id, tx_hash: "bb", status: "CREDITED" })
  expect(await ask("recent_deposits")).toMatchObject({
    result: { deposits: [{ tx_hash: "bb", status: "CREDITED" }] },
  })
})

test("lists a deposit that is credited when it is listed first, with the hash of its mint", async () => {
  await bridge.control.addDeposit({ ...handle, amount: sats, tx_hash: "aa", status: "COMPLETED" })
  expect(await ask("recent_deposits")).toMatchObject({
    result: {
      deposits: [{ status: "COMPLETED", mint_tx_hash: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    },
  })
})

test("gives the address that was issued last, and the least amount it credits", async () => {
  expect(await ask("deposit_address")).toMatchObject({ error: { code: -32000 } })
  await bridge.control.issueHandle({ ...handle, address: "bcrt1qold" })
  await bridge.control.issueHandle(handle)
  expect(await ask("deposit_address")).toMatchObject({
    result: { address: "bcrt1qdesk", chain: "btc:mainnet" },
  })
  await bridge.control.setMinimum({ chain: "btc:mainnet", min_deposit_amount: amount(10_000n) })
  expect(await ask("supported_tokens", { chains: ["btc:mainnet"] })).toMatchObject({
    result: { tokens: [{ near_token_id: "btc.omft.near", min_deposit_amount: "10000", decimals: 8 }] },
  })
})

test("answers errors of the protocol as JSON-RPC errors", async () => {
  expect(await ask("withdraw_everything")).toMatchObject({ error: { code: -32601 } })
  expect(await ask("recent_deposits", { account_id: 5 })).toMatchObject({ error: { code: -32602 } })
})

test.each(wireFaultReasons)("misbehaves on the wire as told (%s), and behaves again", (kind, reason) =>
  expectMisbehaviour(bridge.control, [kind, reason], (patience) =>
    ask("recent_deposits", undefined, patience),
  ),
)

test("answers late, with a plain error, without paging or without times, as told", async () => {
  await bridge.control.addDeposit({ ...handle, amount: sats })
  await bridge.control.setFault({ kind: "delay", delay_ms: 1_000 })
  await expect(ask("recent_deposits", undefined, { headers_timeout_ms: 150 })).rejects.toMatchObject({
    reason: "timeout",
  })
  await bridge.control.setFault({ kind: "delay", delay_ms: 20 })
  expect(await ask("recent_deposits")).toMatchObject({ result: { total: 1 } })
  await bridge.control.setFault({ kind: "string_error" })
  expect(await ask("recent_deposits")).toEqual({ jsonrpc: "2.0", id: "1", error: "backend is not available" })
  await bridge.control.setFault({ kind: "missing_paging" })
  expect(Object.keys(((await ask("recent_deposits")) as { result: object }).result)).toEqual(["deposits"])
  await bridge.control.setFault({ kind: "missing_timestamps" })
  expect(JSON.stringify(await ask("recent_deposits"))).not.toContain("created_at")
})

test("misbehaves only so often, and only for one method, when told so", async () => {
  await bridge.control.setFault({ kind: "status_500", method: "recent_deposits", times: 2 })
  await ask("supported_tokens")
  for (const _time of [1, 2]) await expect(ask("recent_deposits")).rejects.toMatchObject({ status: 500 })
  await ask("recent_deposits")
  expect(await bridge.control.calls()).toEqual({ supported_tokens: 1, recent_deposits: 3 })
})

test("obeys nobody without the token", async () => {
  const stranger = bridgeControl(bridge.controlUrl, "not-the-control-token")
  await expect(stranger.setFault({ kind: "refuse" })).rejects.toMatchObject({ status: 401 })
  await expect(fetch(`${bridge.controlUrl}/control/clear-fault`, { method: "POST" })).resolves.toMatchObject({
    status: 401,
  })
  await ask("recent_deposits")
})

test("refuses commands that make no sense", async () => {
  await expect(bridge.control.credit({ deposit_id: "d9" })).rejects.toMatchObject({ status: 404 })
  await expect(bridge.control.issueHandle({ ...handle, chain: "doge" })).rejects.toMatchObject({
    status: 409,
    message: expect.stringContaining("the bridge knows btc:mainnet, eth:100, not doge"),
  })
})

test("stops with requests under way", async () => {
  await bridge.control.setFault({ kind: "slow_drip" })
  const asked = ask("recent_deposits").catch((failure: unknown) => failure)
  while ((await bridge.control.calls()).recent_deposits !== 1);
  await bridge.stop()
  expect(await asked).toMatchObject({ reason: expect.stringMatching(/^(?:broken|refused)$/) })
})

test("is found well by the doctor, and not when it is away", async () => {
  expect(await examineBridge(endpoint(bridge.url))).toEqual([expect.objectContaining({ state: "ok" })])
  expect(await examineBridge(endpoint("http://127.0.0.1:9"))).toEqual([
    expect.objectContaining({ state: "wrong", todo: "start it, or set BRIDGE_URL to where it is" }),
  ])
})
