import { setTimeout as sleep } from "node:timers/promises"
import { recordedPolicies } from "@landfall/adapters/alerts/policy-store"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { readTopic } from "@landfall/sandbox/read-topic"
import { until } from "@landfall/sandbox/until"
import { freePort } from "@landfall/setup/parts/ports"
import { expect, test } from "vitest"
import { givenWorld, max_age_ms, policyFile, type State, short, tick_ms } from "./given-world.ts"
import { openTransaction } from "./open-transaction.ts"
import { replayEverything } from "./replay.ts"

const given = givenWorld({ history: false })

const keyOf = (pair: string) => `reference_price_stale:market-reference-ingest:${pair}`

/** Each key's transitions must be raised 1, cleared 1, raised 2, … in the order of the topic. */
const expectEachOnce = (alerts: ReadonlyArray<Alert>): void => {
  for (const ofKey of Map.groupBy(alerts, ({ alert_key }) => alert_key).values())
    expect(ofKey.map(short)).toEqual(
      ofKey.map((_, place) => `${place % 2 === 0 ? "raised" : "cleared"} ${Math.floor(place / 2) + 1}`),
    )
}

test("killed at random moments while windows run out and states recover: each transition is there once, and replays", async () => {
  const world = given()
  const pairs = ["KILL/A", "KILL/B", "KILL/C"]
  let going = true
  let kills = 0
  const killing = (async () => {
    while (going) {
      const sentinel = await world.spawn()
      // Some in the middle of starting, most some way into the ticks.
      if (kills % 4 === 3) await sleep(Math.random() * 1_000)
      else {
        await until("it to have read the topics", async () =>
          (await sentinel.output()).includes("read to their end") ? true : null,
        )
        await sleep(Math.random() * 500)
      }
      await sentinel.kill()
      kills += 1
    }
  })()
  const transitions = async (): Promise<number> => (await readTopic(world.kafka.brokers, alertTopic)).length
  try {
    for (let round = 0; round < 6 || kills < 4 || (await transitions()) <= 2 * pairs.length; round++) {
      for (const pair of pairs) {
        await world.price(pair)
        await sleep(Math.random() * 350)
      }
      await sleep(Math.random() * 700)
    }
  } finally {
    // Also when something failed: the next attempt wants no killer beside it.
    going = false
    await killing
  }
  const last = await world.serve("ops-sentinel")
  for (const pair of pairs)
    await until(`${pair} to be raised at last`, async () =>
      (await world.alerts(pair)).at(-1)?.status === "raised" ? true : null,
    )
  await last.process.stop()
  const alerts = await readTopic(world.kafka.brokers, alertTopic)
  expect(new Set(alerts.map(({ alert_event_id }) => alert_event_id)).size).toBe(alerts.length)
  expectEachOnce(alerts)
  const replay = await replayEverything(world)
  expect(replay.alerts.filter(({ same }) => !same)).toEqual([])
  expect(replay.unexpected).toEqual([])
})

test("of two instances the older is fenced and ends with a clear message, and nothing is published twice", async () => {
  const world = given()
  const pair = "TWO/EURe"
  const older = await world.spawn()
  await world.price(pair)
  await world.transitions(pair, ["raised 1"])
  const newer = await world.serve("ops-sentinel")
  await world.price(pair)
  await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  expect(await older.exited).toEqual({ code: 1, signal: null })
  expect(await older.output()).toMatch(/another instance (now holds the transactional id|published)/)
  expect((await world.stateOf(newer)).trouble).toBeNull()
  expectEachOnce(await readTopic(world.kafka.brokers, alertTopic))
})

test("paused, it emits nothing and goes on reading; resumed, each key gets one transition at most", async () => {
  const world = given()
  const pair = "PAUSE/EURe"
  const sentinel = await world.serve("ops-sentinel")
  await world.price(pair)
  await world.transitions(pair, ["raised 1"])
  expect(await sentinel.post("/pause")).toMatchObject({ paused: true })
  // Recovers, goes stale, and recovers again: unseen.
  await world.price(pair)
  await sleep(max_age_ms + 4 * tick_ms)
  expect(await sentinel.post("/evaluate")).toMatchObject({ alerts: [], paused: true, caught_up: true })
  expect(await world.stateOf(sentinel)).toMatchObject({
    paused: true,
    paused_since: expect.any(String),
    lagging: [],
    evaluations: { [keyOf(pair)]: { state: "raised" } },
  })
  await world.price(pair)
  expect(await sentinel.post("/evaluate")).toMatchObject({ alerts: [] })
  expect((await world.alerts(pair)).map(short)).toEqual(["raised 1"])
  expect(await sentinel.post("/resume")).toMatchObject({ paused: false })
  await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  for (const headers of [{}, { authorization: "Bearer wrong-token-0123456789" }])
    for (const command of ["pause", "resume", "evaluate"])
      expect((await fetch(`${sentinel.url}/${command}`, { method: "POST", headers })).status).toBe(401)
})

test("what it cannot read to its end is lagging: nothing is raised on its word until it can", async () => {
  const world = given()
  const pair = "LAG/EURe"
  const sentinel = await world.serve("ops-sentinel")
  await world.price(pair)
  // The newest price is written, and cannot be read while its transaction is open.
  const hanging = await openTransaction(world.kafka.brokers, {
    topic: marketPriceTopic.name,
    key: pair,
    value: "not for anybody's eyes",
  })
  const lagging = await until("the key to be lagging", async () => {
    const state = await world.stateOf(sentinel)
    return state.evaluations[keyOf(pair)]?.state === "lagging" ? state : null
  })
  expect(lagging.lagging).toEqual([
    { topic: marketPriceTopic.name, partition: expect.any(String), lag: expect.any(Number) },
  ])
  await sleep(max_age_ms + 4 * tick_ms)
  expect(await world.alerts(pair)).toEqual([])
  expect((await fetch(`${sentinel.url}/health/ready`)).status).toBe(503)
  expect(await (await fetch(`${sentinel.url}/metrics`)).text()).toMatch(
    /landfall_lag_messages\{topic="ref.market_price",partition="\d"\} [1-9]/,
  )
  await hanging.abort()
  const [raised] = await world.transitions(pair, ["raised 1"])
  expect(raised?.details.evidence).toHaveLength(1)
  expect((await fetch(`${sentinel.url}/health/ready`)).status).toBe(200)
})

test("evaluates at once when asked, and pages through what it knows", async () => {
  const world = given()
  const pair = "ASKED/EURe"
  const sentinel = await world.serve("ops-sentinel", { TICK_INTERVAL_MS: "60000" })
  await world.price(pair)
  const key = keyOf(pair)
  const evaluated = await until("the window to have run out", async () => {
    const turn = await sentinel.post<{ alerts: ReadonlyArray<Alert> }>("/evaluate")
    return turn.alerts.find(({ alert_key }) => alert_key === key) ?? null
  })
  expect(evaluated).toMatchObject({ status: "raised", episode: 1 })
  const keys: string[] = []
  let cursor: string | null = null
  do {
    const page: { items: ReadonlyArray<Alert>; next_cursor: string | null } = await sentinel.get(
      `/v1/alerts?status=raised&limit=2${cursor === null ? "" : `&cursor=${cursor}`}`,
    )
    keys.push(...page.items.map(({ alert_key }) => alert_key))
    cursor = page.next_cursor
  } while (cursor !== null)
  const { active_alerts } = await world.stateOf(sentinel)
  expect(keys).toEqual(active_alerts.map(({ alert_key }) => alert_key))
  expect(keys).toContain(key)
  const raised = await sentinel.get<{ items: ReadonlyArray<{ alert_key: string }> }>(
    "/v1/evaluations?state=raised&alert_code=reference_price_stale",
  )
  expect(raised.items.map(({ alert_key }) => alert_key)).toEqual(keys)
  await expect(sentinel.get("/v1/alerts?status=odd")).rejects.toThrow("400")
})

test("names every problem of its settings and its policy at once, and ends with 1", async () => {
  const world = given()
  const { reference_price_stale: _, ...rules } = policyFile(1).rules
  const sentinel = await world.spawn({
    ALERT_POLICY_FILE: await world.policy({
      version: 0,
      rules: { ...rules, funding_stuck: { window_ms: -1 }, made_up: {} },
    }),
    TICK_INTERVAL_MS: "0",
    KAFKA_BROKERS: "nowhere",
  })
  expect(await sentinel.exited).toEqual({ code: 1, signal: null })
  const words = await sentinel.output()
  for (const expected of [
    "3 settings are not usable",
    "version",
    "rules.reference_price_stale",
    "rules.funding_stuck.window_ms",
    "rules.made_up",
    "TICK_INTERVAL_MS",
    "KAFKA_BROKERS",
  ])
    expect(words).toContain(expected)
})

test("keeps each policy by its version, tells of declared subjects under it, and refuses another content", async () => {
  const world = given()
  const pair = "NEVER/EURe"
  const next = await world.policy(policyFile(2, [pair]))
  const sentinel = await world.serve("ops-sentinel", { ALERT_POLICY_FILE: next })
  const [raised] = await world.transitions(pair, ["raised 1"])
  expect(raised).toMatchObject({ reason: "never_observed", details: { policy_version: 2, evidence: [] } })
  const policies = await world.database.transaction(recordedPolicies)
  expect(policies.map(({ policy }) => policy.version).at(-1)).toBe(2)
  expect(policies.at(-1)?.policy.expected.pairs).toEqual([pair])

  for (const [content, problem] of [
    [policyFile(1), "version: 1 is older than 2, which was in use"],
    [policyFile(2, ["OTHER/EURe"]), "version: 2 was recorded with another content"],
  ] as const) {
    const refused = await world.spawn({ ALERT_POLICY_FILE: await world.policy(content) })
    expect(await refused.exited).toEqual({ code: 1, signal: null })
    expect(await refused.output()).toContain(problem)
  }
  // Those that were refused have not taken over.
  await world.price(pair)
  await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  expect((await world.stateOf(sentinel)).policy_version).toBe(2)
})

test("waits for PostgreSQL at its start, and holds what it knows while Kafka stands still; each alert is there once", async () => {
  const world = given()
  const pair = "AWAY/EURe"
  const HTTP_PORT = String(await freePort())
  const ready = () => fetch(`http://127.0.0.1:${HTTP_PORT}/health/ready`)
  const reasons = async () => ((await (await ready()).json()) as { reasons: string[] }).reasons.join("; ")
  await world.postgres.stop()
  const sentinel = await world.spawn({
    HTTP_PORT,
    ALERT_POLICY_FILE: await world.policy(policyFile(2, ["NEVER/EURe"])),
  })
  await until("PostgreSQL to be missed", async () => ((await reasons()).includes("PostgreSQL") ? true : null))
  await world.postgres.restart()
  await until("it to be ready", async () => ((await ready()).ok ? true : null))

  await world.price(pair)
  await until("the price to be known", async () => {
    const state = (await (await fetch(`http://127.0.0.1:${HTTP_PORT}/state`)).json()) as State
    return state.evaluations[keyOf(pair)] ?? null
  })
  // A broker that stands still: connections stay, answers do not come.
  process.kill(world.kafka.pid, "SIGSTOP")
  try {
    await until("Kafka to be missed", async () => ((await reasons()).includes("Kafka") ? true : null))
  } finally {
    process.kill(world.kafka.pid, "SIGCONT")
  }
  await world.transitions(pair, ["raised 1"])
  await until("it to be ready again", async () => ((await ready()).ok ? true : null))
  await world.price(pair)
  await world.transitions(pair, ["raised 1", "cleared 1", "raised 2"])
  expectEachOnce(await readTopic(world.kafka.brokers, alertTopic))
  await sentinel.stop()
  expect(await sentinel.exited).toEqual({ code: 0, signal: null })
})
