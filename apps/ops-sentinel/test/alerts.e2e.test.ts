import type { Alert } from "@landfall/domain/topics/alert"
import { startExecutor } from "@landfall/sandbox/relay/executor"
import { startRelay } from "@landfall/sandbox/relay/start"
import { startTicker } from "@landfall/sandbox/ticker/start"
import { until } from "@landfall/sandbox/until"
import { freePort } from "@landfall/setup/parts/ports"
import { expect, onTestFinished, test } from "vitest"
import { givenWorld, short } from "./given-world.ts"

const given = givenWorld({ history: true })

/** What PostgreSQL has of the key: the evidence, oldest first, and the snapshot. */
const recordedOf = async (alert_key: string) =>
  given().database.transaction(async (transaction) => {
    const evidence = await transaction.query<{ payload: string; status: string }>(
      "select payload, status from ops_alerts where alert_key = $1 order by kafka_offset",
      [alert_key],
    )
    const [snapshot] = await transaction.query<{ status: string; episode: number; reason: string }>(
      "select status, episode, reason from alert_snapshot where row_key = $1",
      [alert_key],
    )
    return { evidence: evidence.map(({ payload }) => JSON.parse(payload) as Alert), snapshot }
  })

const recorded = (alert_key: string, expected: ReadonlyArray<string>) =>
  until(`${alert_key} in PostgreSQL: ${expected.join(", ")}`, async () => {
    const found = await recordedOf(alert_key)
    return found.evidence.map(short).join() === expected.join() ? found : null
  })

test("alert raises then clears when the stale state recovers", async () => {
  const world = given()
  const pair = "BTC/EURe"
  const key = `reference_price_stale:market-reference-ingest:${pair}`
  const ticker = await startTicker({ prices: { XXBTZEUR: "60000.1" } })
  onTestFinished(() => ticker.stop())
  const [ingest, sentinel] = await Promise.all([
    world.serve("market-reference-ingest", {
      PRICE_URL: ticker.url,
      PRICE_PAIRS: `${pair}=XXBTZEUR`,
      PRICE_POLL_INTERVAL_MS: "50",
      PRICE_HEARTBEAT_MS: "100",
    }),
    world.serve("ops-sentinel"),
  ])
  await until("the price to be known", async () =>
    (await world.stateOf(sentinel)).evaluations[key]?.state === "ok" ? true : null,
  )
  await ingest.post("/pause")
  const raised = await recorded(key, ["raised 1"])
  expect(raised.snapshot).toMatchObject({ status: "raised", episode: 1 })
  const [alert] = raised.evidence
  expect(alert).toMatchObject({
    severity: "critical",
    pair,
    cleared_at: null,
    details: { policy_version: 1 },
  })
  expect(alert?.details.evidence).toEqual([
    {
      topic: "ref.market_price",
      partition: expect.any(Number),
      offset: expect.any(Number),
      event_id: expect.any(String),
    },
  ])
  await expect
    .poll(() => world.stateOf(sentinel))
    .toMatchObject({
      active_alerts: [{ alert_key: key }],
      evaluations: { [key]: { state: "raised", last_evaluated_at: expect.any(String) } },
    })

  await ingest.post("/resume")
  const cleared = await recorded(key, ["raised 1", "cleared 1"])
  expect(cleared.snapshot).toMatchObject({ status: "cleared", episode: 1 })
  expect(cleared.evidence[1]).toMatchObject({
    raised_at: alert?.raised_at,
    cleared_at: expect.any(String),
    reason: expect.stringMatching(/^a price of .* came$/),
  })
  await expect
    .poll(() => world.stateOf(sentinel))
    .toMatchObject({
      active_alerts: [],
      latest_cleared_alerts: [{ alert_key: key, status: "cleared" }],
      evaluations: { [key]: { state: "ok" } },
    })
})

test("executor failure produces an alert event", async () => {
  const world = given()
  const pair = "ETH/EURe"
  const key = `executor_submission_failed:executor:${pair}`
  const relay = await startRelay()
  onTestFinished(() => relay.stop())
  const executor = await startExecutor({ brokers: world.kafka.brokers, relayUrl: relay.url })
  onTestFinished(() => executor.stop())
  const sentinel = await world.serve("ops-sentinel")
  expect(await executor.control.submit(pair)).toMatchObject({ status: "accepted" })

  await executor.control.overrideRelay(`http://127.0.0.1:${await freePort()}/commands`)
  const failure = await executor.control.submit(pair)
  expect(failure).toMatchObject({ status: "failed", error_code: "relay_refused" })
  const raised = await recorded(key, ["raised 1"])
  expect(raised.snapshot).toMatchObject({
    status: "raised",
    reason: `command ${failure.command_id} failed: relay_refused`,
  })
  expect(raised.evidence[0]).toMatchObject({
    pair,
    severity: "critical",
    raised_at: failure.occurred_at,
    details: { observed: { command_id: failure.command_id, error_code: "relay_refused" } },
  })
  expect(raised.evidence[0]?.details.evidence.map(({ event_id }) => event_id)).toContain(
    failure.trade_result_id,
  )
  await expect
    .poll(async () => (await world.stateOf(sentinel)).active_alerts.map(({ alert_key }) => alert_key))
    .toContain(key)

  await executor.control.restoreRelay()
  const success = await executor.control.submit(pair)
  expect(success).toMatchObject({ status: "accepted" })
  const cleared = await recorded(key, ["raised 1", "cleared 1"])
  expect(cleared.snapshot).toMatchObject({
    status: "cleared",
    reason: `command ${success.command_id} succeeded`,
  })
})
