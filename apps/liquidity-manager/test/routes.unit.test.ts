import { secret } from "@landfall/adapters/config/secret"
import { buildService } from "@landfall/adapters/http/service"
import { createLog } from "@landfall/adapters/log/log"
import { createMetrics } from "@landfall/adapters/metrics/metrics"
import { timestamp } from "@landfall/domain/timestamp"
import { afterEach, beforeEach, expect, test } from "vitest"
import { managerMetrics } from "../src/metrics.ts"
import { commandRoutes } from "../src/routes.ts"
import { readinessOf, standingOf, stateOf } from "../src/state.ts"
import { givenManager, output, start_ms } from "./given-manager.ts"

const token = "control-token-of-the-test"
let given: Awaited<ReturnType<typeof givenManager>>
let app: Awaited<ReturnType<typeof buildService>>["app"]

beforeEach(async () => {
  given = await givenManager()
  const { manager, observers, bridge } = given
  const metrics = createMetrics({ name: "liquidity-manager", version: "0" })
  managerMetrics(metrics, observers, bridge)
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
    routes: commandRoutes(manager, observers),
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
  expect((await app.inject("/metrics")).body).toContain(
    'landfall_funding_observer_state{chain="bitcoin",state="paused"} 1',
  )
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
