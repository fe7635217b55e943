import { priceEventId } from "@landfall/domain/topics/market-price"
import type { Fault } from "@landfall/sandbox/simulated/faults"
import { runService } from "@landfall/sandbox/testing/run-service"
import type { TickerFault } from "@landfall/sandbox/ticker/control"
import { until } from "@landfall/sandbox/until"
import { expect, test } from "vitest"
import { givenWorlds } from "./given-world.ts"

const givenWorld = givenWorlds()

test("publishes each pair's price once, digit for digit, and then its changes", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.newest(world.btc, "60000.1")
  const [first] = await world.events(world.btc)
  expect(first).toEqual({
    price_event_id: priceEventId(world.btc, "kraken", first?.observed_at ?? ""),
    pair: world.btc,
    price: "60000.1",
    source: "kraken",
    observed_at: first?.observed_at,
  })
  await world.ticker.control.setPrice("XXBTZEUR", "9007199254740993.00000000000000000001")
  await world.newest(world.btc, "9007199254740993.00000000000000000001")
  expect(await world.prices(world.btc)).toHaveLength(2)
  expect(await world.prices(world.eth)).toEqual(["2000"])
  const published = await world.shows(
    service,
    "the new price",
    ({ prices }) => prices[0]?.price === "9007199254740993.00000000000000000001",
  )
  expect(published).toMatchObject({
    paused: false,
    publishing: { state: "ok", published: 3 },
    ticker: { state: "ok" },
    prices: [
      {
        pair: world.btc,
        symbol: "XXBTZEUR",
        price: "9007199254740993.00000000000000000001",
        source: "kraken",
        problem: null,
      },
      { pair: world.eth, symbol: "XETHZEUR", price: "2000" },
    ],
  })
})

test("publishes an unchanged price again as a heartbeat", async () => {
  const world = await givenWorld()
  await world.serve({ PRICE_HEARTBEAT_MS: "300" })
  const events = await until("three heartbeats", async () => {
    const list = await world.events(world.btc)
    return list.length >= 4 ? list : null
  })
  const times_ms = events.map((event) => Date.parse(event.observed_at))
  for (const [index, at_ms] of times_ms.slice(1).entries())
    expect(at_ms - (times_ms[index] ?? 0)).toBeGreaterThanOrEqual(300)
  expect(new Set(events.map((event) => event.price_event_id)).size).toBe(events.length)
})

test("publishes nothing while paused, and asks at once when resumed", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.newest(world.btc, "60000.1")
  expect(await service.post("/pause")).toMatchObject({ paused: true })
  await world.ticker.control.setPrice("XXBTZEUR", "60001")
  const calls = await world.ticker.control.calls()
  expect(await world.stateOf(service)).toMatchObject({ paused: true })
  expect(await world.ticker.control.calls()).toBe(calls)
  expect(await world.prices(world.btc)).toEqual(["60000.1"])
  expect(await service.post("/resume")).toMatchObject({ paused: false })
  await world.newest(world.btc, "60001")
})

const faults: ReadonlyArray<Fault<TickerFault>["kind"]> = [
  "refuse",
  "reset",
  "status_500",
  "html",
  "malformed_json",
  "redirect",
  "deep_json",
  "huge",
  "service_error",
  "no_result",
  "number_price",
  "zero_price",
  "negative_price",
  "exponent_price",
  "empty_price",
  "long_price",
]

test("publishes nothing while the ticker gives no sound price, shows the last one and its age, and goes on", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.newest(world.btc, "60000.1")
  for (const kind of faults) {
    await world.ticker.control.setFault({ kind })
    await world.ticker.control.setPrice("XXBTZEUR", "70000")
    const state = await until(`the ticker to be down (${kind})`, async () => {
      const shown = await world.stateOf(service)
      return shown.ticker.state === "down" && shown.ticker.failures >= 2 ? shown : null
    })
    expect(state.prices[0]).toMatchObject({ price: "60000.1" })
    expect(state.prices[0]?.age_seconds).toBeGreaterThan(0)
    expect(state.ticker.last_error).toContain("ticker")
    await world.ticker.control.setPrice("XXBTZEUR", "60000.1")
    await world.ticker.control.clearFault()
    await until("the ticker to be ok", async () =>
      (await world.stateOf(service)).ticker.state === "ok" ? true : null,
    )
  }
  expect(await world.prices(world.btc)).toEqual(["60000.1"])
})

test("lets one pair grow stale when only it is missing, and says why", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.newest(world.eth, "2000")
  await world.ticker.control.setFault({ kind: "missing_pair" })
  await world.ticker.control.setPrice("XETHZEUR", "2001")
  await world.newest(world.eth, "2001")
  const { prices, ticker } = await world.shows(
    service,
    "another price than the first",
    (state) => state.prices[1]?.price !== "2000",
  )
  expect(ticker.state).toBe("ok")
  expect(prices[0]).toMatchObject({
    price: "60000.1",
    problem: "the answer has no XXBTZEUR; it has XETHZEUR",
  })
  expect(prices[1]).toMatchObject({ price: "2001", problem: null })
})

test("goes on after a restart where it stopped, and publishes nothing again", async () => {
  const world = await givenWorld()
  const before = await world.serve()
  await world.newest(world.btc, "60000.1")
  await before.process.kill()
  const after = await world.serve()
  await until("an answer to the new process", async () =>
    (await world.stateOf(after)).ticker.state === "ok" ? true : null,
  )
  expect((await world.stateOf(after)).prices[0]).toMatchObject({ price: "60000.1" })
  expect(await world.prices(world.btc)).toEqual(["60000.1"])
  await world.ticker.control.setPrice("XXBTZEUR", "60002")
  await world.newest(world.btc, "60002")
  expect(await world.prices(world.btc)).toHaveLength(2)
})

test("ends when a second instance takes over, and nothing is published twice", async () => {
  const world = await givenWorld()
  const first = await world.serve()
  await world.newest(world.btc, "60000.1")
  await world.serve()
  await world.ticker.control.setPrice("XXBTZEUR", "60002")
  expect(await first.process.exited).toEqual({ code: 1, signal: null })
  expect(await world.log(first)).toContain("another instance now holds the transactional id")
  await world.newest(world.btc, "60002")
  expect(await world.prices(world.btc)).toEqual(["60000.1", "60002"])
})

test("waits while Kafka is away, says so, and goes on without publishing anything twice", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.newest(world.btc, "60000.1")
  await world.kafka.kill()
  await world.ticker.control.setPrice("XXBTZEUR", "60002")
  const reasons = await until(
    "the service not to be ready",
    async () => {
      const answer = await fetch(`${service.url}/health/ready`)
      return answer.status === 503 ? JSON.stringify(await answer.json()) : null
    },
    { timeoutMs: 60_000 },
  )
  expect(reasons).toContain("Kafka:")
  expect(await world.stateOf(service)).toMatchObject({ publishing: { state: "down" } })
  expect((await fetch(`${service.url}/health/live`)).status).toBe(200)
  await world.kafka.restart()
  await until(
    "the service to be ready",
    async () => ((await fetch(`${service.url}/health/ready`)).status === 200 ? true : null),
    { timeoutMs: 60_000 },
  )
  await world.newest(world.btc, "60002")
  expect(await world.prices(world.btc)).toEqual(["60000.1", "60002"])
}, 180_000)

test("measures polls, publications and the ticker", async () => {
  const world = await givenWorld()
  const service = await world.serve()
  await world.shows(service, "the first price", ({ prices }) => prices[0]?.price !== null)
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  expect(metrics).toMatch(/^landfall_polls_total\{outcome="answered"\} [1-9]/m)
  expect(metrics).toMatch(/^landfall_records_published_total 2$/m)
  expect(metrics).toMatch(/^landfall_publish_seconds_count 1$/m)
  expect(metrics).toMatch(
    /^landfall_outgoing_call_seconds_count\{source="ticker",outcome="answered"\} [1-9]/m,
  )
  expect(metrics).toMatch(/^landfall_source_up\{source="ticker"\} 1$/m)
  expect(metrics).toMatch(/^landfall_paused 0$/m)
  const api = await service.get<{ readonly paths: object }>("/openapi.json")
  expect(Object.keys(api.paths)).toEqual(expect.arrayContaining(["/state", "/pause", "/resume"]))
})

test("names every problem of its settings at once, and ends with 1", async () => {
  const { code, words } = await runService("market-reference-ingest", {
    PRICE_FORMAT: "abacus",
    PRICE_PAIRS: "BTCEUR=XXBTZEUR",
    PRICE_URL: "nowhere",
    HTTP_HOST: "0.0.0.0",
  })
  expect(code).toBe(1)
  for (const expected of [
    "4 settings are not usable",
    "KAFKA_BROKERS: it is missing",
    "one of kraken, coinbase",
    "a pair is base/quote",
    "PRICE_URL",
  ])
    expect(words).toContain(expected)
})
