import { amount } from "@landfall/domain/amount"
import { inventorySnapshotId } from "@landfall/domain/topics/intent-inventory"
import type { Fault } from "@landfall/sandbox/simulated/faults"
import { until } from "@landfall/sandbox/until"
import type { VerifierFault } from "@landfall/sandbox/verifier/control"
import { expect, test } from "vitest"
import { balanceOf, btcToken, givenWorlds, type World } from "./given-world.ts"

const givenWorld = givenWorlds()
const deposit = (world: World, units: bigint) => ({
  account_id: world.account_id,
  chain: "btc:mainnet",
  address: "bcrt1qdesk",
  amount: amount(units),
})

test("publishes an inventory in which only the verifier makes funds spendable", async () => {
  const world = await givenWorld()
  await world.hold(1_000n)
  const service = await world.serve()
  const first = await world.event("the first inventory", () => true)
  expect(first).toEqual({
    inventory_snapshot_id: inventorySnapshotId(world.account_id, first.observed_at),
    account_id: world.account_id,
    observed_at: first.observed_at,
    balances: [
      { asset_id: "BTC", spendable: 1_000n, pending_inbound: 0n, credited: 0n },
      { asset_id: "EURe", spendable: 0n, pending_inbound: 0n, credited: 0n },
    ],
  })

  const { deposit_id } = await world.bridge.control.addDeposit(deposit(world, 500n))
  const pending = await world.event("the deposit", (event) => balanceOf(event, "BTC").pending_inbound > 0n)
  expect(balanceOf(pending, "BTC")).toEqual({ spendable: 1_000n, pending_inbound: 500n, credited: 0n })

  await world.bridge.control.credit({ deposit_id })
  const credited = await world.event("the credit", (event) => balanceOf(event, "BTC").credited > 0n)
  expect(balanceOf(credited, "BTC")).toEqual({ spendable: 1_000n, pending_inbound: 0n, credited: 500n })

  await world.verifier.control.credit({ ...deposit(world, 500n), token_id: btcToken })
  const spendable = await world.event("the balance", (event) => balanceOf(event, "BTC").spendable > 1_000n)
  expect(balanceOf(spendable, "BTC")).toEqual({ spendable: 1_500n, pending_inbound: 0n, credited: 500n })

  expect(await world.events()).toHaveLength(4)
  const shown = await world.shows(
    service,
    "the balance",
    ({ inventory }) => inventory?.balances[0]?.spendable === "1500",
  )
  expect(shown).toMatchObject({
    account_id: world.account_id,
    paused: false,
    inventory: {
      inventory_snapshot_id: spendable.inventory_snapshot_id,
      observed_at: spendable.observed_at,
      balances: [{ asset_id: "BTC", spendable: "1500", credited: "500" }, { asset_id: "EURe" }],
    },
    publishing: { state: "ok", published: 4 },
    sources: {
      verifier: { state: "ok", block_height: expect.any(Number) },
      bridge: { state: "ok", deposits: 1 },
    },
    funding_visibility: { pre_credit_inbound: null, state: "not_configured" },
    whole_lists: { unlisted_assets: "/v1/unlisted-assets" },
  })
  expect(await service.get("/v1/unlisted-assets")).toMatchObject({ items: [], next_cursor: null })
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  for (const source of ["verifier", "bridge"])
    expect(metrics).toMatch(
      new RegExp(
        `^landfall_outgoing_call_seconds_count\\{source="${source}",outcome="answered"\\} [1-9]`,
        "m",
      ),
    )
  expect(metrics).toMatch(/^landfall_records_published_total 4$/m)
})

test("publishes an unchanged inventory again as a heartbeat", async () => {
  const world = await givenWorld()
  await world.serve({ INVENTORY_HEARTBEAT_MS: "300" })
  const events = await until("three heartbeats", async () => {
    const list = await world.events()
    return list.length >= 4 ? list : null
  })
  const gaps_ms = events
    .slice(1)
    .map((event, index) => Date.parse(event.observed_at) - Date.parse(events[index]?.observed_at ?? ""))
  for (const gap_ms of gaps_ms) expect(gap_ms).toBeGreaterThanOrEqual(300)
  expect(new Set(events.map((event) => event.inventory_snapshot_id)).size).toBe(events.length)
})

const verifierFaults: ReadonlyArray<readonly [Fault<VerifierFault>["kind"], "down" | "stale"]> = [
  ["refuse", "down"],
  ["reset", "down"],
  ["status_500", "down"],
  ["html", "down"],
  ["malformed_json", "down"],
  ["redirect", "down"],
  ["deep_json", "down"],
  ["huge", "down"],
  ["rpc_error", "down"],
  ["string_error", "down"],
  ["contract_error", "down"],
  ["not_json", "down"],
  ["too_few", "down"],
  ["number_balances", "down"],
  ["negative_balance", "down"],
  ["no_block", "down"],
  ["old_block", "stale"],
]

test("publishes nothing while the verifier gives no sound answer, shows what was known, and goes on", async () => {
  const world = await givenWorld()
  await world.hold(1_000n)
  const service = await world.serve()
  const known = await world.event("the first inventory", () => true)
  await world.hold(2_000n)
  await world.event("the second inventory", (event) => balanceOf(event, "BTC").spendable === 2_000n)

  for (const [kind, expected] of verifierFaults) {
    await world.verifier.control.setFault({ kind })
    // Changed meanwhile, so that an event would be due.
    await world.hold(3_000n)
    const state = await until(`the verifier to be ${expected} (${kind})`, async () => {
      const shown = await world.stateOf(service)
      return shown.sources.verifier.state === expected && shown.sources.verifier.failures >= 2 ? shown : null
    })
    expect(state.inventory?.balances[0]).toMatchObject({ asset_id: "BTC", spendable: "2000" })
    expect(state.inventory_age_seconds).toBeGreaterThan(0)
    expect(state.sources.verifier.last_error).toContain("verifier")
    expect(state.sources.bridge.state).toBe("ok")
    await world.hold(2_000n)
    await world.verifier.control.clearFault()
    await until(`the verifier to be ok after ${kind}`, async () =>
      (await world.stateOf(service)).sources.verifier.state === "ok" ? true : null,
    )
  }
  expect((await world.events()).map((event) => balanceOf(event, "BTC").spendable)).toEqual([1_000n, 2_000n])
  expect(known.balances).toHaveLength(2)
})

test("publishes nothing while the verifier's node stands still", async () => {
  const world = await givenWorld()
  const service = await world.serve({ VERIFIER_BLOCK_MAX_AGE_MS: "1000" })
  await world.event("the first inventory", () => true)
  await world.verifier.control.setFault({ kind: "stuck_block" })
  const state = await until("the verifier to be stale", async () => {
    const shown = await world.stateOf(service)
    return shown.sources.verifier.state === "stale" ? shown : null
  })
  expect(state.sources.verifier.last_error).toMatch(/has been the newest for \d+ s: this node stands still/)
  await world.hold(7n)
  expect(await world.events()).toHaveLength(1)
  await world.verifier.control.clearFault()
  await world.event("the changed inventory", (event) => balanceOf(event, "BTC").spendable === 7n)
})

test("publishes nothing without the bridge, and names who is away", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.event("the first inventory", () => true)
  for (const kind of [
    "refuse",
    "string_error",
    "malformed_json",
    "html",
    "redirect",
    "deep_json",
    "huge",
    "status_500",
  ] as const) {
    await world.bridge.control.setFault({ kind })
    await world.hold(9n)
    const state = await until(`the bridge to be down (${kind})`, async () => {
      const shown = await world.stateOf(service)
      return shown.sources.bridge.state === "down" && shown.sources.bridge.failures >= 2 ? shown : null
    })
    expect(state.sources.verifier.state).toBe("ok")
    expect(state.last_poll_error).toContain("bridge")
    await world.hold(0n)
    await world.bridge.control.clearFault()
    await until("the bridge to be ok", async () =>
      (await world.stateOf(service)).sources.bridge.state === "ok" ? true : null,
    )
  }
  expect(await world.events()).toHaveLength(1)
})

test("is not ready before verifier and bridge have answered, and says whom it waits for", async () => {
  const world = await givenWorld()
  await world.verifier.control.setFault({ kind: "refuse" })
  await world.bridge.control.setFault({ kind: "html" })
  const starting = world.serve()
  await until("two questions to the bridge", async () =>
    ((await world.bridge.control.calls())["recent_deposits"] ?? 0) >= 2 ? true : null,
  )
  expect(await world.events()).toEqual([])
  await world.verifier.control.clearFault()
  await world.bridge.control.clearFault()
  const service = await starting
  await world.event("the first inventory", () => true)
  expect(await world.log(service)).toMatch(/verifier at .*nothing listens there.*; bridge at .*not JSON/)
})
