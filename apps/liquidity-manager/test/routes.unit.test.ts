import { secret } from "@landfall/adapters/config/secret"
import { buildService } from "@landfall/adapters/http/service"
import { createLog } from "@landfall/adapters/log/log"
import { createMetrics } from "@landfall/adapters/metrics/metrics"
import { amount } from "@landfall/domain/amount"
import { timestamp } from "@landfall/domain/timestamp"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { listRoutes } from "../src/list-routes.ts"
import { managerMetrics } from "../src/metrics.ts"
import { commandRoutes } from "../src/routes.ts"
import { readinessOf, standingOf, stateOf } from "../src/state.ts"
import { address, givenManager, output, start_ms } from "./given-manager.ts"

const token = "control-token-of-the-test"
let given: Awaited<ReturnType<typeof givenManager>>
let app: Awaited<ReturnType<typeof buildService>>["app"]

beforeEach(async () => {
  given = await givenManager()
  const { manager, observers, bridge } = given
  const metrics = createMetrics({ name: "liquidity-manager", version: "0" })
  managerMetrics(metrics, {
    observers,
    bridge,
    lags: () => [{ topic: "ops.funding_observation", partition: 0, lag: 3 }],
    now: () => start_ms,
  })
  const service = await buildService({
    name: "liquidity-manager",
    version: "0",
    bind: { host: "127.0.0.1", port: 0 },
    tokens: { control: secret(token), read: null },
    log: createLog({ name: "test", level: "silent" }),
    metrics,
    now: () => timestamp(start_ms),
    readiness: () => readinessOf(manager),
    state: () => stateOf(manager, observers, bridge),
    standing: () => standingOf(manager, observers, bridge, start_ms),
    routes: [...commandRoutes(manager, observers), ...listRoutes(manager, bridge)],
  })
  app = service.app
})
afterEach(async () => {
  await app.close()
  await given.stop()
})

const post = (url: string, payload: object = {}, authorization = `Bearer ${token}`) =>
  app.inject({ method: "POST", url, payload, headers: { authorization } })

test("a refresh looks now and says what it published", async () => {
  given.facts.outputs = [output()]
  const answer = await post("/refresh-funding-observations")
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({ published: 1, funding_observers: { bitcoin: { state: "ok" } } })
})

test("one chain or all are paused and resumed", async () => {
  const paused = await post("/pause-funding-observer", { chain: "bitcoin" })
  expect(paused.json()).toMatchObject({ funding_observers: { bitcoin: { paused: true, state: "paused" } } })
  const { body } = await app.inject("/metrics")
  expect(body).toContain('landfall_funding_observer_state{chain="bitcoin",state="paused"} 1')
  expect(body).toContain('landfall_funding_observer_tip_age_seconds{chain="bitcoin"} 60')
  expect(body).toContain('landfall_lag_messages{topic="ops.funding_observation",partition="0"} 3')
  const resumed = await post("/resume-funding-observer")
  expect(resumed.json()).toMatchObject({ funding_observers: { bitcoin: { paused: false, state: "ok" } } })
})

test.each([
  ["an unknown chain", { chain: "doge" }],
  ["a chain without an observer", { chain: "gnosis" }],
  ["an unknown field", { chains: ["bitcoin"] }],
])("%s is refused with the field and what is accepted", async (_what, body) => {
  const answer = await post("/pause-funding-observer", body)
  expect(answer.statusCode).toBe(400)
  expect(answer.json().error.field).toMatch(/chain|body/)
  expect(given.observers[0]?.status().paused).toBe(false)
})

test("without the control token nothing is done", async () => {
  expect((await post("/pause-funding-observer", {}, "Bearer wrong")).statusCode).toBe(401)
  expect(given.observers[0]?.status().paused).toBe(false)
})

test("the state is JSON with amounts as decimal strings", async () => {
  given.facts.outputs = [output()]
  await post("/refresh-funding-observations")
  const state = (await app.inject("/state")).json()
  expect(state.uncredited_funding_total_by_asset).toEqual({ BTC: "50000" })
  expect(state.as_of).toBe("2026-11-23T09:00:00.000Z")
})

describe("the lists of which /state shows the beginning", () => {
  const count = 260
  const hashOf = (index: number): string => index.toString(16).padStart(64, "0")

  const givenMuch = async () => {
    given.facts.handles = Array.from({ length: count }, (_, index) => ({
      account_id: "desk.near",
      asset_id: "BTC",
      chain: "bitcoin" as const,
      funding_handle: index === 0 ? address : `bcrt1q${index}`,
    }))
    given.facts.outputs = Array.from({ length: count }, (_, index) => output({ tx_hash: hashOf(index) }))
    const row = { chain: "bitcoin" as const, asset_id: "BTC", address, account_id: "desk.near" }
    given.facts.rows = Array.from({ length: count }, (_, index) => ({
      ...row,
      // The first 30 are the deposits; the others are alike and belong to none.
      tx_hash: index < 30 ? hashOf(index) : null,
      amount: amount(index < 30 ? 50_000n : 7n),
      status: "PENDING",
    }))
    await post("/refresh-funding-observations")
  }

  const allOf = async (url: string): Promise<ReadonlyArray<Record<string, unknown> | string>> => {
    const items = []
    let cursor = ""
    for (let pages = 0; pages < count; pages++) {
      const answer = await app.inject(`${url}${url.includes("?") ? "&" : "?"}limit=90${cursor}`)
      expect(answer.statusCode).toBe(200)
      const page = answer.json()
      expect(page.items.length).toBeLessThanOrEqual(90)
      items.push(...page.items)
      if (page.next_cursor === null) break
      cursor = `&cursor=${page.next_cursor}`
    }
    return items
  }

  test("are paged through whole, each row once, and their totals are told", async () => {
    await givenMuch()
    const state = (await app.inject("/state")).json()
    const { whole_lists, credit_correlation } = state
    expect(state).toMatchObject({ active_funding_handles_total: count, funding_observations_total: count })
    expect(credit_correlation.unmatched_bridge_deposits).toHaveLength(200)
    const totals = {
      funding_handles: count,
      transfers: count,
      matched: 30,
      unmatched_bridge_deposits: count - 30,
      unmatched_transfers: count - 30,
    }
    expect(credit_correlation).toMatchObject({
      matched_total: totals.matched,
      unmatched_bridge_deposits_total: totals.unmatched_bridge_deposits,
      unmatched_funding_observations_total: totals.unmatched_transfers,
    })
    for (const [list, total] of Object.entries(totals)) {
      const items = await allOf(whole_lists[list])
      expect(new Set(items.map((item) => JSON.stringify(item))).size, list).toBe(total)
      expect(items, list).toHaveLength(total)
    }
  })

  test("are chosen from by chain, address and status", async () => {
    await givenMuch()
    expect(await allOf(`/v1/transfers?funding_handle=${address}&status=seen&chain=bitcoin`)).toHaveLength(
      count,
    )
    expect(await allOf("/v1/transfers?status=credited")).toEqual([])
    expect(await allOf("/v1/transfers?chain=gnosis")).toEqual([])
    expect(await allOf("/v1/funding-handles?active=false")).toEqual([])
    const [first] = await allOf("/v1/transfers")
    expect(first).toMatchObject({
      chain: "bitcoin",
      funding_handle: address,
      amount: "50000",
      status: "seen",
    })
  })

  test.each([
    ["/v1/transfers?status=spent", "status"],
    ["/v1/transfers?cursor=bm8", "cursor"],
    ["/v1/funding-handles?limit=0", "limit"],
    ["/v1/credit-correlation/matched?page=2", "page"],
  ])("refuse %s with the field and what is accepted", async (url, field) => {
    const answer = await app.inject(url)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().error.field).toBe(field)
  })
})
