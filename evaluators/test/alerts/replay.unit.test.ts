import type { Alert } from "@landfall/domain/topics/alert"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decisionsOf, replayAlerts, replaySteps, type Wanted } from "../../src/alerts/replay.ts"
import { desk, start_ms } from "./fixtures.ts"

const second = 1000

/** A desk that raised and cleared twice, and what it published. */
const history = () => {
  const made = desk()
  const alerts: Alert[] = []
  const at = (s: number) => start_ms + s * second
  made.price("BTC/EURe", at(0))
  made.price("EURe/BTC", at(0))
  made.deposit({ at_ms: at(0) })
  alerts.push(...made.tick(at(30)))
  made.price("BTC/EURe", at(31))
  made.deposit({ at_ms: at(31), revision: 2, status: "dropped" })
  alerts.push(...made.tick(at(32)))
  alerts.push(...made.tick(at(70)))
  made.deposit({ at_ms: at(80), revision: 3, status: "seen" })
  alerts.push(...made.tick(at(80)))
  const events = made.log.filter(({ topic }) => topic !== "ops.alert")
  return { alerts, events, options: made.options }
}

describe("a replay", () => {
  it("makes each decision again from its own cut, with the same bytes", () => {
    const { alerts, events, options } = history()
    const replay = replayAlerts(events, alerts, options)
    expect(replay.alerts).toHaveLength(6)
    expect(replay).toMatchObject({ same: true, unexpected: [] })
  })

  it("does not depend on the order in which the transitions were read", () => {
    const { alerts, events, options } = history()
    expect(replayAlerts(events, alerts.toReversed(), options).same).toBe(true)
  })

  it("reads the decisions of a topic in the order of their cuts", () => {
    const { alerts } = history()
    expect(
      decisionsOf(alerts.toReversed()).map(({ cut, evaluated_ms }) => [cut, evaluated_ms - start_ms]),
    ).toEqual([
      [{ "ops.funding_observation": { "0": 2 } }, 32_000],
      [{ "ops.funding_observation": { "0": 3 } }, 80_000],
      [{ "ref.market_price": { "0": 2 } }, 30_000],
      [{ "ref.market_price": { "0": 3 } }, 32_000],
      [{ "ref.market_price": { "0": 3 } }, 70_000],
    ])
  })

  it.each([
    ["a reason", (alert: Alert) => ({ ...alert, reason: "because" })],
    ["a time", (alert: Alert) => ({ ...alert, raised_at: "2026-11-23T09:00:29.999Z" })],
    ["a severity", (alert: Alert) => ({ ...alert, severity: "warning" as const })],
    [
      "the tick",
      (alert: Alert) => ({
        ...alert,
        details: { ...alert.details, evaluated_at: "2026-11-23T09:00:29.999Z" },
      }),
    ],
    ["the policy", (alert: Alert) => ({ ...alert, details: { ...alert.details, policy_version: 7 } })],
    [
      "the cut",
      (alert: Alert) => ({
        ...alert,
        details: { ...alert.details, cut: { "ref.market_price": { "0": 0 } } },
      }),
    ],
    ["the evidence", (alert: Alert) => ({ ...alert, details: { ...alert.details, evidence: [] } })],
    ["an episode", (alert: Alert) => ({ ...alert, episode: 2 })],
  ])("finds %s that was changed afterwards", (_what, change) => {
    const { alerts, events, options } = history()
    const forged = alerts.map((alert, place) => (place === 0 ? change(alert) : alert))
    const replay = replayAlerts(events, forged, options)
    expect(replay.same).toBe(false)
    expect(replay.alerts.filter(({ same }) => !same).map(({ recorded }) => recorded)).toContain(forged[0])
  })

  it("finds a transition that was removed", () => {
    const { alerts, events, options } = history()
    const replay = replayAlerts(events, alerts.slice(1), options)
    expect(replay.same).toBe(false)
    expect(replay.unexpected).toEqual([expect.objectContaining({ alert_key: alerts[0]?.alert_key })])
  })

  it("finds an event that was removed, or put in its place", () => {
    const { alerts, events, options } = history()
    expect(replayAlerts(events.slice(1), alerts, options).same).toBe(false)
    const swapped = events.map((event) => ({
      ...event,
      record: events.find(({ topic }) => topic === event.topic)?.record,
    }))
    expect(replayAlerts(swapped, alerts, options).same).toBe(false)
  })

  it("asks for events a few at a time, forwards along each partition, and keeps none", () => {
    const { alerts, events, options } = history()
    const steps = replaySteps(alerts, options)
    const asked: Wanted[] = []
    let step = steps.next()
    while (!step.done) {
      const { topic, partition, from, to } = step.value
      asked.push(step.value)
      const next = events.find(
        (event) =>
          event.topic === topic && event.partition === partition && event.offset >= from && event.offset < to,
      )
      step = steps.next(next === undefined ? [] : [next])
    }
    expect(step.value).toMatchObject({ same: true })
    for (const topic of new Set(asked.map((one) => one.topic))) {
      const froms = asked.filter((one) => one.topic === topic).map(({ from }) => from)
      expect(froms).toEqual(froms.toSorted((left, right) => left - right))
    }
  })

  it("makes decisions without an event that did not count yet, and later ones with it", () => {
    const made = desk()
    const at = (s: number) => start_ms + s * second
    made.price("BTC/EURe", at(0))
    const raised = made.tick(at(40))
    const before = made.log.filter(({ topic }) => topic !== "ops.alert")
    // The price that was a dead letter at offset 1 when the alert was raised, and counts since second 50.
    made.price("BTC/EURe", at(39))
    const cleared = made.tick(at(50))
    const [letter] = made.log.filter(({ topic, offset }) => topic === "ref.market_price" && offset === 1)
    const passedBy = raised.map((alert) => ({
      ...alert,
      details: { ...alert.details, cut: { "ref.market_price": { "0": 2 } } },
    }))
    const events = [...before, ...(letter === undefined ? [] : [{ ...letter, known_ms: at(50) }])]
    expect(cleared).toHaveLength(1)
    expect(replayAlerts(events, [...passedBy, ...cleared], made.options)).toMatchObject({
      same: true,
      unexpected: [],
    })
  })
})

describe("a replay of what a Kafka with a wrong clock wrote", () => {
  const at = (s: number) => start_ms + s * second
  const hour_s = 3_600
  const pair = "BTC/EURe"

  const replayed = (made: ReturnType<typeof desk>, alerts: ReadonlyArray<Alert>) =>
    replayAlerts(
      made.log.filter(({ topic }) => topic !== "ops.alert"),
      alerts,
      made.options,
    )

  // Of two prices of one instant the greater id wins: among these, now the earlier has it and now the later.
  it.each([0, 1, 2, 3, 4, 5])(
    "takes the same of two messages that one tick held to its instant (%i)",
    (s) => {
      const made = desk()
      made.price(pair, at(hour_s + s))
      made.price(pair, at(hour_s + s + 1))
      made.tick(at(0))
      const alerts = made.tick(at(30))
      expect(alerts).toMatchObject([
        {
          raised_at: "2026-11-23T09:00:30.000Z",
          details: {
            clamped_to: "2026-11-23T09:00:00.000Z",
            clamps: [{ to: "2026-11-23T09:00:00.000Z", partition: 0, next_offset: 2 }],
          },
        },
      ])
      expect(replayed(made, alerts)).toMatchObject({ same: true, unexpected: [] })
    },
  )

  it("takes the honest message that came after one that no alert was ever about", () => {
    const made = desk()
    made.price(pair, at(hour_s))
    made.tick(at(0))
    made.price(pair, at(1))
    const alerts = [...made.tick(at(2)), ...made.tick(at(31))]
    expect(alerts).toMatchObject([
      { details: { clamps: [{ to: "2026-11-23T09:00:00.000Z", partition: 0, next_offset: 1 }] } },
    ])
    expect(alerts[0]?.details).not.toHaveProperty("clamped_to")
    expect(replayed(made, alerts)).toMatchObject({ same: true, unexpected: [] })
  })

  it("holds a message at the tick that held it, not at an earlier one that had read as far", () => {
    const made = desk()
    made.price(pair, at(hour_s))
    made.price("EURe/BTC", at(0))
    made.tick(at(1)) // holds the pair to its instant, which no transition tells
    const alerts = [...made.tick(at(30))]
    made.restart({ isForetold: false })
    alerts.push(...made.tick(at(40)), ...made.tick(at(70)))
    expect(alerts).toMatchObject([
      { details: { subject: "EURe/BTC" } },
      { details: { clamps: [{ to: "2026-11-23T09:00:40.000Z", partition: 0, next_offset: 2 }] } },
    ])
    expect(replayed(made, alerts)).toMatchObject({ same: true, unexpected: [] })
  })

  it("holds what a tick held that decided about something else, though who held it died before it told", () => {
    const made = desk()
    made.price(pair, at(hour_s))
    made.price("EURe/BTC", at(-10))
    const alerts = [...made.tick(at(20))]
    made.price("ETH/EURe", at(21))
    made.restart()
    alerts.push(...made.tick(at(40)), ...made.tick(at(55)))
    expect(alerts).toMatchObject([
      { details: { subject: "EURe/BTC" } },
      {
        raised_at: "2026-11-23T09:00:50.000Z",
        details: {
          subject: pair,
          clamps: [{ to: "2026-11-23T09:00:20.000Z", partition: 0, next_offset: 2 }],
        },
      },
      { details: { subject: "ETH/EURe" } },
    ])
    expect(replayed(made, alerts)).toMatchObject({ same: true, unexpected: [] })
  })

  it("forgets a tick of a place that the log does not have any more", () => {
    const made = desk()
    made.price("EURe/BTC", at(0))
    made.price("EURe/BTC", at(1))
    const alerts = made.tick(at(31))
    made.log.splice(0, 2)
    made.restart()
    made.tick(at(32))
    made.price(pair, at(60))
    made.price(pair, at(61))
    expect(alerts).toHaveLength(1)
    expect(made.tick(at(90))).toEqual([])
    expect(made.tick(at(91))).toMatchObject([{ raised_at: "2026-11-23T09:01:31.000Z" }])
  })

  it("is as before of an alert that names no clamp but the last", () => {
    const made = desk()
    made.price(pair, at(hour_s))
    made.tick(at(0))
    const alerts = made.tick(at(30)).map((alert) => {
      const { clamps, ...details } = alert.details
      expect(clamps).toHaveLength(1)
      return { ...alert, details }
    })
    expect(replayed(made, alerts)).toMatchObject({ same: true, unexpected: [] })
  })

  const message = fc.record({
    what: fc.constantFrom("price", "price", "trade failed", "trade accepted", "deposit"),
    observed_s: fc.constantFrom(-20, -1, 0, 0, 3, 60, hour_s),
    ahead_s: fc.constantFrom(0, 0, 0, 2, 60, hour_s, hour_s + 1),
  })
  const moment = fc.record({
    after_s: fc.constantFrom(1, 2, 10, 30, 900, hour_s),
    messages: fc.array(message, { maxLength: 4 }),
    restarts: fc.boolean(),
  })
  const statuses = ["seen", "confirmed", "dropped", "seen", "reorged", "confirmed"] as const

  it("gives the same bytes whatever was dated how far ahead, also across restarts", () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 8 }), (moments) => {
        const made = desk()
        const alerts: Alert[] = []
        let [now_s, written] = [0, 0]
        for (const { after_s, messages, restarts } of moments) {
          for (const { what, observed_s, ahead_s } of messages) {
            const [observed_ms, kafka_ms] = [at(now_s + observed_s), at(now_s + ahead_s)]
            written++
            if (what === "price") made.price(pair, observed_ms, kafka_ms)
            else if (what === "deposit")
              made.deposit({
                at_ms: observed_ms,
                kafka_ms,
                revision: written,
                status: statuses[written % statuses.length] ?? "seen",
              })
            else made.trade(what === "trade failed" ? "failed" : "accepted", observed_ms, kafka_ms)
          }
          now_s += after_s
          if (restarts) made.restart()
          alerts.push(...made.tick(at(now_s)))
        }
        const replay = replayed(made, alerts)
        const wrong = replay.alerts.filter(({ same }) => !same)
        expect(wrong.map(({ replayed: again }) => again)).toEqual(wrong.map(({ recorded }) => recorded))
        expect(replay.unexpected).toEqual([])
      }),
      { numRuns: 200 },
    )
  })
})
