import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { runService } from "@landfall/sandbox/testing/run-service"
import { until } from "@landfall/sandbox/until"
import { expect, onTestFinished, test } from "vitest"
import { balanceOf, givenWorlds } from "./given-world.ts"

const givenWorld = givenWorlds()

test("publishes nothing while paused, and asks at once when resumed", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.event("the first inventory", () => true)
  expect(await service.post("/pause")).toMatchObject({ paused: true })
  const calls = await world.verifier.control.calls()
  await world.hold(5n)
  expect(await world.stateOf(service)).toMatchObject({ paused: true, paused_since: expect.any(String) })
  expect(await world.verifier.control.calls()).toBe(calls)
  expect(await world.events()).toHaveLength(1)
  expect(await service.post("/resume")).toMatchObject({ paused: false })
  await world.event("the changed inventory", (event) => balanceOf(event, "BTC").spendable === 5n)
  expect(await world.events()).toHaveLength(2)
})

test("goes on after a restart where it stopped, and publishes nothing again", async () => {
  const world = await givenWorld()
  await world.hold(5n)
  const before = await world.serve()
  const known = await world.event("the first inventory", () => true)
  await before.process.kill()

  const after = await world.serve()
  await until("some polls of the new process", async () =>
    (await world.stateOf(after)).sources.verifier.state === "ok" ? true : null,
  )
  expect(await world.stateOf(after)).toMatchObject({
    inventory: { inventory_snapshot_id: known.inventory_snapshot_id },
    publishing: { published: 0 },
  })
  expect(await world.events()).toHaveLength(1)
  await world.hold(6n)
  await world.event("the changed inventory", (event) => balanceOf(event, "BTC").spendable === 6n)
  expect(await world.events()).toHaveLength(2)
})

test("publishes each change once and in order, killed again and again", async () => {
  const world = await givenWorld()
  for (let round = 1n; round <= 4n; round++) {
    const service = await world.serve()
    await world.hold(round * 10n)
    await world.event(`balance ${round * 10n}`, (event) => balanceOf(event, "BTC").spendable === round * 10n)
    // Killed within the turn that follows, whatever it is doing then.
    await world.hold(round * 10n + 1n)
    await service.process.kill()
  }
  const last = await world.serve()
  await world.event("the last balance", (event) => balanceOf(event, "BTC").spendable === 41n)
  await last.process.stop()
  const events = await world.events()
  const spendable = events.map((event) => balanceOf(event, "BTC").spendable)
  expect(spendable).toEqual([...new Set(spendable)])
  expect(spendable).toEqual([...spendable].sort((left, right) => Number(left - right)))
  expect(new Set(events.map((event) => event.inventory_snapshot_id)).size).toBe(events.length)
})

test("ends when a second instance takes over, and nothing is published twice", async () => {
  const world = await givenWorld()
  const first = await world.serve()
  await world.event("the first inventory", () => true)
  const second = await world.serve()
  await world.hold(5n)
  expect(await first.process.exited).toEqual({ code: 1, signal: null })
  expect(await world.log(first)).toContain("another instance now holds the transactional id")
  await world.event("the changed inventory", (event) => balanceOf(event, "BTC").spendable === 5n)
  expect(await world.stateOf(second)).toMatchObject({ publishing: { state: "ok" } })
  expect((await world.events()).map((event) => balanceOf(event, "BTC").spendable)).toEqual([0n, 5n])
})

test("leaves the running instance alone when it cannot listen itself", async () => {
  const world = await givenWorld()
  const first = await world.serve()
  await world.event("the first inventory", () => true)
  const { code, words } = await runService("inventory-sync", {
    ...world.env,
    HTTP_PORT: new URL(first.url).port,
  })
  expect(code).toBe(1)
  expect(words).toContain("Is another instance running?")
  await world.hold(5n)
  await world.event("the changed inventory", (event) => balanceOf(event, "BTC").spendable === 5n)
})

test("shows money on its way apart from the inventory, and its age when nobody tells of it any more", async () => {
  const world = await givenWorld()
  const token = "read-token-0123456789"
  const totals = { BTC: "50000000", EURe: "9007199254740993000000001" }
  const manager = createServer((request, response) => {
    const known = request.headers.authorization === `Bearer ${token}` && request.url === "/state"
    const body = known ? { as_of: new Date().toISOString(), uncredited_funding_total_by_asset: totals } : {}
    response.writeHead(known ? 200 : 401, { "content-type": "application/json" }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => manager.listen(0, "127.0.0.1", resolve))
  const end = () =>
    new Promise<void>((resolve) => {
      manager.close(() => resolve())
      manager.closeAllConnections()
    })
  onTestFinished(end)
  const service = await world.serve({
    LIQUIDITY_MANAGER_URL: `http://127.0.0.1:${(manager.address() as AddressInfo).port}`,
    LIQUIDITY_MANAGER_READ_TOKEN: token,
  })
  const seen = await until("the money on its way", async () => {
    const state = await world.stateOf(service)
    return state.funding_visibility.state === "ok" ? state : null
  })
  expect(seen.funding_visibility).toMatchObject({
    pre_credit_inbound: totals,
    as_of: expect.any(String),
    last_error: null,
  })
  const event = await world.event("the first inventory", () => true)
  expect(event.balances.map(({ spendable, pending_inbound }) => spendable + pending_inbound)).toEqual([
    0n,
    0n,
  ])

  await end()
  const away = await until("it to be unavailable", async () => {
    const { funding_visibility } = await world.stateOf(service)
    return funding_visibility.state === "unavailable" ? funding_visibility : null
  })
  expect(away).toMatchObject({
    pre_credit_inbound: totals,
    last_error: expect.stringContaining("liquidity-manager"),
  })
  expect(away.age_seconds).toBeGreaterThan(0)
  await world.hold(5n)
  await world.event("the changed inventory", (later) => balanceOf(later, "BTC").spendable === 5n)
  expect(await world.events()).toHaveLength(2)
  expect(await world.log(service)).not.toContain(token)
})

test("names every problem of its settings at once, and ends with 1", async () => {
  const { code, words } = await runService("inventory-sync", {
    KAFKA_BROKERS: "nowhere",
    ACCOUNT_ID: "desk.near,vault.near",
    VERIFIER_URL: "ftp://verifier",
    INVENTORY_ASSETS: "BTC=doge:mainnet:native=nep141:btc.omft.near",
    INVENTORY_POLL_INTERVAL_MS: "0",
    LIQUIDITY_MANAGER_READ_TOKEN: "short",
  })
  expect(code).toBe(1)
  for (const expected of [
    "7 settings are not usable",
    "KAFKA_BROKERS",
    "it names several accounts",
    "VERIFIER_URL",
    "BRIDGE_URL: it is missing",
    "known are btc:mainnet, eth:100",
    "INVENTORY_POLL_INTERVAL_MS",
    "LIQUIDITY_MANAGER_READ_TOKEN",
  ])
    expect(words).toContain(expected)
  expect(words).not.toContain("short")
})
