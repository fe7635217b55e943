import { HttpError } from "@landfall/adapters/http/http-error"
import type { TradeResult } from "@landfall/domain/topics/trade-result"
import { freePort } from "@landfall/setup/parts/ports"
import { afterEach, beforeEach, expect, test } from "vitest"
import type { RelayFault } from "../../src/relay/control.ts"
import { type SimulatedRelay, startRelay } from "../../src/relay/start.ts"
import { createSubmissions } from "../../src/relay/submissions.ts"
import type { WireFault } from "../../src/simulated/faults.ts"
import { wireFaultReasons } from "../simulated/wire-faults.ts"

let relay: SimulatedRelay
let emitted: TradeResult[]
beforeEach(async () => {
  relay = await startRelay()
  emitted = []
})
afterEach(() => relay.stop())

const pair = "BTC/EURe"
const given = () =>
  createSubmissions({
    relayUrl: relay.url,
    emit: async (results) => void emitted.push(...results),
    now: () => Date.UTC(2026, 10, 23),
  })

test("submits to the relay and tells of the submission and its success, each later than the one before", async () => {
  const submissions = given()
  expect(await submissions.submit({ command_id: "one", pair })).toMatchObject({
    command_id: "one",
    status: "accepted",
  })
  expect(emitted.map(({ status, occurred_at }) => [status, occurred_at])).toEqual([
    ["submitted", "2026-11-23T00:00:00.000Z"],
    ["accepted", "2026-11-23T00:00:00.001Z"],
  ])
  expect(await relay.control.calls()).toBe(1)
})

test("fails for real where nothing listens, and succeeds again at the configured relay", async () => {
  const submissions = given()
  submissions.override(`http://127.0.0.1:${await freePort()}/commands`)
  expect(await submissions.submit({ command_id: "one", pair })).toMatchObject({
    status: "failed",
    error_code: "relay_refused",
    error_message: expect.stringContaining("nothing listens there"),
  })
  expect(await relay.control.calls()).toBe(0)
  submissions.override(null)
  expect(await submissions.submit({ command_id: "two", pair })).toMatchObject({ status: "accepted" })
  expect(() => submissions.override("not a url")).toThrow(TypeError)
})

test.each([
  ["rejected", "rejected", "insufficient_liquidity"],
  ["unknown_status", "failed", "relay_malformed"],
  ["other_command", "failed", "relay_malformed"],
  ["no_status", "failed", "relay_malformed"],
  ...wireFaultReasons.map(([kind, reason]) => [kind, "failed", `relay_${reason}`] as const),
] satisfies Array<readonly [RelayFault | WireFault, string, string]>)(
  "an answer with the fault %s is %s, and never a success",
  async (kind, status, error_code) => {
    await relay.control.setFault({ kind })
    expect(await given().submit({ command_id: "one", pair })).toMatchObject({ status, error_code })
    expect(emitted.map((result) => result.status)).toEqual(["submitted", status])
  },
)

test("submits no command twice", async () => {
  const submissions = given()
  await submissions.submit({ command_id: "one", pair })
  await expect(submissions.submit({ command_id: "one", pair })).rejects.toThrow(HttpError)
  expect(await relay.control.calls()).toBe(1)
})
