import { recordDecoder, recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { alertTopic } from "@landfall/domain/topics/alert"
import { type TradeResult, tradeResultId } from "@landfall/domain/topics/trade-result"
import { describe, expect, it } from "vitest"
import { advance, createEvaluator, fold } from "../../src/alerts/evaluator.ts"
import { replayAlerts } from "../../src/alerts/replay.ts"
import { alertRules } from "../../src/alerts/rules/registry.ts"
import { tick } from "../../src/alerts/tick.ts"
import { activeAlerts, evaluations, latestClearedAlerts } from "../../src/alerts/views.ts"
import { brief, deposit, desk, policyWith, priceOf, start_ms } from "./fixtures.ts"

const second = 1000
const pair = "BTC/EURe"
const priceKey = `reference_price_stale:market-reference-ingest:${pair}`

/** The registry with one rule that throws while `broken()` says so. */
const breakable = (code: string, broken: () => boolean) =>
  alertRules.map((rule) =>
    rule.code !== code
      ? rule
      : {
          ...rule,
          breach: (row: unknown, params: unknown) => {
            if (broken()) throw new Error("the rule is broken")
            return rule.breach(row, params)
          },
        },
  )

describe("a raise", () => {
  it("says all that is needed to decide it again", () => {
    const { price, tick, log } = desk()
    price(pair, start_ms)
    price("EURe/BTC", start_ms + 29 * second)
    const [alert] = tick(start_ms + 31 * second)
    expect(alert).toEqual({
      alert_event_id: expect.any(String),
      alert_key: priceKey,
      episode: 1,
      alert_code: "reference_price_stale",
      status: "raised",
      severity: "critical",
      reason: "no price newer than 2026-11-23T09:00:00.000Z: older than 30 s",
      service_scope: "market-reference-ingest",
      pair,
      raised_at: "2026-11-23T09:00:30.000Z",
      cleared_at: null,
      first_raised_at: "2026-11-23T09:00:30.000Z",
      last_evaluated_at: "2026-11-23T09:00:31.000Z",
      details: {
        evaluated_at: "2026-11-23T09:00:31.000Z",
        deadline: "2026-11-23T09:00:30.000Z",
        window_ms: 30_000,
        policy_version: 1,
        cut: { "ref.market_price": { "0": 2 } },
        evidence: [
          {
            topic: "ref.market_price",
            partition: 0,
            offset: 0,
            event_id: priceOf(pair, start_ms).price_event_id,
          },
        ],
        subject: pair,
        runbook: "docs/runbook/reference_price_stale.md",
        observed: { observed_at: "2026-11-23T09:00:00.000Z", price: "60000.1", source: "kraken" },
      },
    })
    expect(log.at(-1)?.record).toBe(alert)
  })

  it("rests on the first sight, the status and the latest news of a transfer", () => {
    const { deposit, tick } = desk()
    deposit({ at_ms: start_ms })
    deposit({ at_ms: start_ms + 1, revision: 2, status: "confirmed" })
    deposit({ at_ms: start_ms + 2, revision: 3, status: "confirmed", bridge_status: "PENDING" })
    deposit({ at_ms: start_ms + 3, revision: 4, status: "confirmed", bridge_status: "FAILED" })
    const [stuck] = tick(start_ms + 3)
    expect(stuck?.alert_code).toBe("funding_stuck")
    expect(stuck?.details.evidence.map(({ offset }) => offset)).toEqual([0, 1, 3])
    expect(stuck).toMatchObject({ asset_id: "BTC", tx_hash: "ab".repeat(32) })
  })

  it("is decided again until it was read back, and not once more", () => {
    const { price, state, ends, tick: published } = desk()
    price(pair, start_ms)
    const input = { now_ms: start_ms + 30 * second, ends: ends(), paused: false }
    const first = tick(state(), input).alerts
    expect(tick(state(), input).alerts).toEqual(first)
    expect(published(start_ms + 30 * second)).toEqual(first)
    expect(published(start_ms + 30 * second)).toEqual([])
  })
})

describe("what was not read", () => {
  it("holds everything while the end of a topic, or its own alerts' end, is not known", () => {
    const { price, tick, standing, ends } = desk()
    price(pair, start_ms)
    const { "ref.market_price": prices = {}, "ops.alert": own = {} } = ends()
    for (const known of [
      {},
      { "ref.market_price": prices },
      { "ops.alert": own },
      { "ops.alert": own, "ref.market_price": {} },
    ]) {
      expect(tick(start_ms + 60 * second, { ends: known })).toEqual([])
      expect(standing(priceKey)).toBe("lagging")
    }
    expect(tick(start_ms + 60 * second)).toHaveLength(1)
  })

  it("includes a partition that holds what no reader has seen", () => {
    const { price, tick, state, ends } = desk()
    price(pair, start_ms)
    const behind = { ...ends(), "ref.market_price": { "0": 1, "1": 1 } }
    expect(tick(start_ms + 60 * second, { ends: behind })).toEqual([])
    // What lies there may be a transaction marker or a dead letter: reading past it is enough.
    advance(state(), "ref.market_price", 1, 1)
    const [alert] = tick(start_ms + 60 * second, { ends: behind })
    expect(alert?.details.cut).toEqual({ "ref.market_price": { "0": 1, "1": 1 } })
  })

  it("is no news when it comes a second time", () => {
    const { price, log, state } = desk()
    price(pair, start_ms)
    const before = [...evaluations(state())]
    const later_ms = start_ms + 9 * second
    for (const event of log) fold(state(), { ...event, kafka_ms: later_ms, record: priceOf(pair, later_ms) })
    expect([...evaluations(state())]).toEqual(before)
  })
})

describe("the same event with another content", () => {
  it("changes nothing", () => {
    const { write, tick } = desk()
    const failed = (s: number): TradeResult => ({
      trade_result_id: tradeResultId("a", "failed"),
      command_id: "a",
      pair,
      status: "failed",
      occurred_at: timestamp(start_ms + s * second),
    })
    write("exec.trade_result", failed(0), start_ms)
    tick(start_ms)
    write("exec.trade_result", failed(600), start_ms + 600 * second)
    expect(tick(start_ms + 900 * second)).toMatchObject([{ status: "cleared" }])
  })
})

describe("an evaluation error", () => {
  it("neither raises nor clears, is shown, and ends with the next event that can be evaluated", () => {
    let broken = false
    const { price, tick, standing, state } = desk({ rules: breakable("reference_price_stale", () => broken) })
    price(pair, start_ms)
    expect(brief(tick(start_ms + 30 * second))).toEqual([expect.stringContaining("raised")])
    broken = true
    price(pair, start_ms + 31 * second)
    expect(tick(start_ms + 32 * second)).toEqual([])
    expect(standing(priceKey)).toBe("error")
    expect([...evaluations(state())]).toMatchObject([
      { error: expect.stringContaining("the rule is broken") },
    ])
    broken = false
    price(pair, start_ms + 33 * second)
    expect(brief(tick(start_ms + 34 * second))).toEqual([expect.stringContaining("cleared")])
  })

  it("of the graver rule lets the milder one neither escalate nor hide", () => {
    const { deposit, tick } = desk({ rules: breakable("funding_stuck", () => true) })
    deposit({ at_ms: start_ms })
    expect(brief(tick(start_ms + 3_600_000))).toEqual([
      "raised funding_seen_unconfirmed: seen but unmined for more than 1 h",
    ])
    expect(tick(start_ms + 86_400_000 * 2)).toEqual([])
  })

  it("holds an alert whose events Kafka no longer has, until something new is read", () => {
    const { price, tick, log, ends, options } = desk()
    price(pair, start_ms)
    const [raised] = tick(start_ms + 30 * second)
    const after = createEvaluator(options)
    for (const event of log.filter(({ topic }) => topic === alertTopic.name)) fold(after, event)
    advance(after, "ref.market_price", 0, 1)
    const input = { now_ms: start_ms + 40 * second, ends: ends(), paused: false }
    expect(tickOf(after, input)).toEqual([])
    expect([...evaluations(after)]).toMatchObject([
      { alert_key: raised?.alert_key, state: "error", error: expect.stringContaining("no longer in Kafka") },
    ])
    fold(after, {
      topic: "ref.market_price",
      partition: 0,
      offset: 1,
      kafka_ms: start_ms + 41 * second,
      record: priceOf(pair, start_ms + 41 * second),
    })
    expect(brief(tickOf(after, { ...input, now_ms: start_ms + 42 * second }))).toEqual([
      "cleared reference_price_stale: a price of 2026-11-23T09:00:41.000Z came",
    ])
  })
})

const tickOf = (state: Parameters<typeof tick>[0], input: Parameters<typeof tick>[1]) =>
  tick(state, input).alerts

describe("clocks that are ahead", () => {
  const hour = 3_600_000

  it("of Kafka too are held to the first tick that saw the event, across a restart once that was published", () => {
    const { price, tick, restart, standing } = desk()
    price(pair, start_ms + hour)
    expect(tick(start_ms)).toEqual([])
    expect(tick(start_ms + 30 * second - 1)).toEqual([])
    const [alert] = tick(start_ms + 30 * second)
    expect(alert).toMatchObject({
      raised_at: "2026-11-23T09:00:30.000Z",
      details: { clamped_to: "2026-11-23T09:00:00.000Z" },
    })
    restart()
    expect(tick(start_ms + 60 * second)).toEqual([])
    expect(standing(priceKey)).toBe("raised")
    price(pair, start_ms + 61 * second)
    expect(brief(tick(start_ms + 61 * second))).toEqual([
      "cleared reference_price_stale: a price of 2026-11-23T09:01:01.000Z came",
    ])
  })

  it("are told from clocks that differ by little, which are believed", () => {
    const { price, tick } = desk()
    price(pair, start_ms + 3)
    tick(start_ms)
    expect(tick(start_ms + 30 * second)).toEqual([])
    expect(tick(start_ms + 30 * second + 3)[0]?.details).not.toHaveProperty("clamped_to")
  })

  it("do not matter for a message that Kafka gave no time", () => {
    const { price, tick } = desk()
    price(pair, start_ms, -1)
    expect(tick(start_ms + 30 * second)).toMatchObject([{ raised_at: "2026-11-23T09:00:30.000Z" }])
  })
})

describe("a failure dated after the tick that has read it", () => {
  const at = (ms: number) => start_ms + ms

  it("hides none before it, which raises at once and stays raised", () => {
    const { trade, tick, log, options } = desk()
    trade("failed", at(0))
    trade("failed", at(3))
    const raised = tick(at(1))
    expect(raised).toMatchObject([
      {
        status: "raised",
        raised_at: "2026-11-23T09:00:00.000Z",
        reason: "command command-0 failed: no error code",
        details: { evidence: [{ offset: 0 }] },
      },
    ])
    trade("failed", at(10_004))
    expect(tick(at(10_000))).toEqual([])
    trade("accepted", at(11_000))
    const cleared = tick(at(11_000))
    expect(cleared).toMatchObject([
      { status: "cleared", details: { evidence: [{ offset: 2 }, { offset: 3 }] } },
    ])
    const events = log.filter(({ topic }) => topic !== alertTopic.name)
    expect(replayAlerts(events, [...raised, ...cleared], options)).toMatchObject({
      same: true,
      unexpected: [],
    })
  })

  it("raises by itself at the next tick", () => {
    const { trade, tick } = desk()
    trade("rejected", at(2))
    expect(tick(at(0))).toEqual([])
    expect(tick(at(2))).toMatchObject([{ raised_at: "2026-11-23T09:00:00.002Z" }])
  })

  it("hides none however many there are, and costs no memory", () => {
    const { trade, tick, state } = desk()
    trade("failed", at(-60_000))
    for (let ms = 1; ms <= 3_000; ms++) trade("failed", at(ms))
    expect(tick(at(0))).toMatchObject([{ raised_at: "2026-11-23T08:59:00.000Z" }])
    for (let ms = 3_001; ms <= 9_000; ms++) trade("failed", at(ms))
    expect(tick(at(8_000))).toEqual([])
    const subjects = state().sources.flatMap((source) => [...source.subjects.values()])
    expect(Math.max(...subjects.map(({ evidence }) => evidence.length))).toBeLessThan(30)
  })
})

describe("odd subjects", () => {
  it("with names too long for a key have one key each, and can be found by it", () => {
    const { price, tick, state, standing, restart } = desk()
    const names = ["x", "y"].map((last) => `${"BTC".repeat(80)}${last}`)
    for (const name of names) price(name, start_ms)
    const alerts = tick(start_ms + 30 * second)
    const keys = alerts.map(({ alert_key }) => alert_key)
    expect(new Set(keys).size).toBe(2)
    const encode = recordEncoder(alertTopic)
    const decode = recordDecoder(alertTopic)
    for (const alert of alerts)
      expect(decode(new TextEncoder().encode(encode(alert)))).toEqual({ ok: true, record: alert })
    restart()
    expect(tick(start_ms + 31 * second)).toEqual([])
    for (const key of keys) expect(standing(key)).toBe("raised")
    expect(activeAlerts(state()).map(({ alert_key }) => alert_key)).toEqual(keys)
  })

  it("without a hash are named without one", () => {
    const { write, tick } = desk()
    const seen = deposit({ at_ms: start_ms, tx_hash: null, output_index: null, bridge_status: "FAILED" })
    write("ops.funding_observation", seen, start_ms)
    const [alert] = tick(start_ms)
    expect(alert).not.toHaveProperty("tx_hash")
    expect(recordEncoder(alertTopic)(alert ?? expect.fail("nothing was raised"))).toContain('"funding_stuck"')
  })

  it("that the policy retires are cleared although they were observed", () => {
    const policy = policyWith()
    const recorded_at = "2026-11-23T08:00:00.000Z"
    const { price, tick, log, ends } = desk({ policies: [{ recorded_at, policy }] })
    price(pair, start_ms)
    tick(start_ms + 30 * second)
    const retired = policyWith({}, { version: 2, retired: { pairs: [pair], accounts: [] } })
    const after = createEvaluator({
      policies: [
        { recorded_at, policy },
        { recorded_at, policy: retired },
      ],
    })
    for (const event of log) fold(after, event)
    expect(brief(tickOf(after, { now_ms: start_ms + 40 * second, ends: ends(), paused: false }))).toEqual([
      "cleared reference_price_stale: no longer watched: the policy retired it",
    ])
  })
})

describe("what is shown", () => {
  it("are active and cleared alerts, the latest cleared first", () => {
    const { price, tick, state } = desk()
    for (const name of ["A/B", "C/D", "E/F"]) price(name, start_ms)
    tick(start_ms + 30 * second)
    price("C/D", start_ms + 31 * second)
    tick(start_ms + 31 * second)
    price("A/B", start_ms + 32 * second)
    tick(start_ms + 32 * second)
    expect(activeAlerts(state()).map((alert) => alert.pair)).toEqual(["E/F"])
    expect(latestClearedAlerts(state()).map((alert) => alert.pair)).toEqual(["A/B", "C/D"])
  })

  it("is when each key was last evaluated, which is not while it is paused or behind", () => {
    const { price, tick, state, ends } = desk()
    price(pair, start_ms)
    const shown = () =>
      [...evaluations(state())].map((one) => [one.state, one.last_evaluated_at, one.deadline])
    expect(shown()).toEqual([["lagging", null, "2026-11-23T09:00:30.000Z"]])
    tick(start_ms + second)
    tick(start_ms + 2 * second, { paused: true })
    expect(shown()).toEqual([["ok", "2026-11-23T09:00:01.000Z", "2026-11-23T09:00:30.000Z"]])
    tick(start_ms + 3 * second, { ends: { ...ends(), "ref.market_price": { "0": 5 } } })
    expect(shown()).toEqual([["lagging", "2026-11-23T09:00:01.000Z", "2026-11-23T09:00:30.000Z"]])
  })

  it("needs a policy", () => {
    expect(() => createEvaluator({ policies: [] })).toThrow("there is no alert policy")
  })
})
