import { recordEncoder } from "@landfall/domain/codec"
import { topicByName } from "@landfall/domain/registry"
import { epochMs } from "@landfall/domain/timestamp"
import { type Alert, alertEventId, alertTopic } from "@landfall/domain/topics/alert"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseScenario } from "../../src/alerts/scenario/parse.ts"
import { asWritten, type Play, play } from "../../src/alerts/scenario/play.ts"
import { variationProblems } from "../../src/alerts/scenario/variations.ts"
import { raisedAt } from "../../src/testing/oracle.ts"
import { plainStoryText, storyText } from "../../src/testing/stories.ts"

const runs = { numRuns: 150 }

const played = (text: string): Play => play(parseScenario("story", text), asWritten)

/** Checks something of every made-up story. */
const always = (check: (play: Play, text: string) => void, params: fc.Parameters<[string]> = runs): void => {
  fc.assert(
    fc.property(storyText, (text) => check(played(text), text)),
    params,
  )
}

const byKey = ({ alerts }: Play): ReadonlyArray<ReadonlyArray<Alert>> => [
  ...Map.groupBy(alerts.flat(), ({ alert_key }) => alert_key).values(),
]

describe("whatever happens", () => {
  it("nothing else comes out when inputs are doubled or reordered, at any crash, or from a replay", () => {
    fc.assert(
      fc.property(storyText, (text) => {
        const scenario = parseScenario("story", text)
        expect(variationProblems(scenario, play(scenario, asWritten)).join("\n")).toBe("")
      }),
      { numRuns: 30 },
    )
  })

  it("raises and clears alternate for each key, in episodes counted from 1", () => {
    always((result) => {
      for (const alerts of byKey(result))
        expect(alerts.map(({ status, episode }) => `${status} ${episode}`)).toEqual(
          alerts.map((_, place) => `${place % 2 === 0 ? "raised" : "cleared"} ${Math.floor(place / 2) + 1}`),
        )
    })
  })

  it("times are in order: deadline, tick, clear, and the next episode after the one before", () => {
    always((result) => {
      for (const alerts of byKey(result)) {
        let ended = ""
        for (const alert of alerts) {
          const { evaluated_at, deadline } = alert.details
          expect(deadline <= evaluated_at).toBe(true)
          expect(alert.raised_at <= evaluated_at && alert.raised_at >= deadline).toBe(true)
          expect(alert.raised_at >= ended).toBe(true)
          expect(alert.first_raised_at).toBe(alerts[0]?.raised_at)
          if (alert.cleared_at === null) continue
          expect(alert.cleared_at >= alert.raised_at && alert.cleared_at <= evaluated_at).toBe(true)
          ended = alert.cleared_at
        }
      }
    })
  })

  it("one transfer has at most one funding alert at a time", () => {
    always(({ alerts }) => {
      const raised = new Map<unknown, Set<string>>()
      for (const alert of alerts.flat()) {
        if (!alert.alert_code.startsWith("funding_")) continue
        const { subject } = alert.details
        const codes = raised.get(subject) ?? new Set()
        raised.set(subject, codes)
        if (alert.status === "raised") codes.add(alert.alert_code)
        else codes.delete(alert.alert_code)
        expect([...codes].length).toBeLessThanOrEqual(1)
      }
    })
  })

  it("every alert has its own id, is accepted by its topic, and names events within its cut", () => {
    always(({ alerts, log }) => {
      const flat = alerts.flat()
      expect(new Set(flat.map(({ alert_event_id }) => alert_event_id)).size).toBe(flat.length)
      for (const alert of flat) {
        expect(alert.alert_event_id).toBe(alertEventId(alert.alert_key, alert.episode, alert.status))
        recordEncoder(alertTopic)(alert)
        for (const { topic, partition, offset, event_id } of alert.details.evidence) {
          expect(offset).toBeLessThan(alert.details.cut[topic]?.[partition] ?? 0)
          const message = log
            .messages(topic)
            .find((one) => one.partition === partition && one.offset === offset)
          const record = message?.record as { readonly [field: string]: unknown }
          expect(record[topicByName(topic)?.id ?? ""]).toBe(event_id)
        }
      }
    })
  })

  it("nothing is decided that was not read to its end as it was then", () => {
    always(({ alerts, log }) => {
      for (const { details } of alerts.flat()) {
        for (const [topic, cut] of Object.entries(details.cut)) {
          const unread = log
            .messages(topic)
            .filter(({ partition, offset }) => offset >= (cut[partition] ?? 0))
            .filter(({ kafka_ms }) => kafka_ms < epochMs(details.evaluated_at))
          expect(unread).toEqual([])
        }
      }
    })
  })

  it("after each tick exactly those alerts are raised that follow from what was written up to then", () => {
    fc.assert(
      fc.property(plainStoryText, (text) => {
        const scenario = parseScenario("story", text)
        const { alerts, log } = play(scenario, asWritten)
        const raised = new Set<string>()
        scenario.moments.forEach(({ at_ms, ticks }, place) => {
          for (const { status, alert_code, details } of alerts[place] ?? []) {
            const name = `${alert_code} ${details["subject"]}`
            if (status === "raised") raised.add(name)
            else raised.delete(name)
          }
          if (ticks) expect([...raised].sort()).toEqual(raisedAt(log, scenario.recorded_ms, at_ms))
        })
      }),
      runs,
    )
  })
})
