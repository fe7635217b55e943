import { timestamp } from "@landfall/domain/timestamp"
import { AlertCode } from "@landfall/domain/topics/alert"
import { type TradeResult, tradeResultId } from "@landfall/domain/topics/trade-result"
import { describe, expect, it } from "vitest"
import { type Breach, spoken } from "../../src/alerts/define-rule.ts"
import { latestTrades, type WatchedTrades } from "../../src/alerts/reads/trade.ts"
import { watchedTransfer } from "../../src/alerts/reads/transfer.ts"
import { executorSubmissionFailed } from "../../src/alerts/rules/executor-submission-failed.ts"
import { fundingConfirmedCreditPending } from "../../src/alerts/rules/funding-confirmed-credit-pending.ts"
import { fundingSeenUnconfirmed } from "../../src/alerts/rules/funding-seen-unconfirmed.ts"
import { fundingStuck } from "../../src/alerts/rules/funding-stuck.ts"
import { inventorySnapshotStale } from "../../src/alerts/rules/inventory-snapshot-stale.ts"
import { referencePriceStale } from "../../src/alerts/rules/reference-price-stale.ts"
import { alertRules } from "../../src/alerts/rules/registry.ts"
import { deposit, desk, policyWith, priceOf, start_ms } from "./fixtures.ts"

/** An observation at a second of the story, with what differs from the usual. */
type Seen = Partial<Parameters<typeof deposit>[0]> & { readonly s: number }

/** The row of a transfer after observations, the first at 0 s and with revisions from 1. */
const transfer = (...seen: ReadonlyArray<Seen>) => {
  let row = null
  let revision = 0
  for (const { s, ...changes } of seen) {
    const first_seen_at = timestamp(start_ms)
    const record = deposit({ at_ms: start_ms + s * 1000, first_seen_at, revision: ++revision, ...changes })
    row = watchedTransfer.projection.evolve(row, record)
  }
  if (row === null) throw new Error("no observation made a row")
  return row
}

/** From and until when, in seconds of the story, and why. */
const told = (breach: Breach | null) =>
  breach === null
    ? null
    : [
        (breach.from - start_ms) / 1000,
        breach.until === undefined ? null : (breach.until - start_ms) / 1000,
        breach.reason,
      ]

const window = { window_ms: 10_000 }

describe("the registry", () => {
  it("has one rule for each alert code", () => {
    expect(alertRules.map(({ code }) => code).toSorted()).toEqual([...AlertCode.literals].toSorted())
  })

  it("lets rules yield only to rules over the same rows", () => {
    for (const { reads, yields_to } of alertRules)
      for (const code of yields_to) expect(alertRules.find((rule) => rule.code === code)?.reads).toBe(reads)
  })
})

describe("reference_price_stale", () => {
  it("holds from max_age after the newest price, or after the declaration of a pair that has none", () => {
    const rule = referencePriceStale
    expect(told(rule.breach(priceOf("BTC/EURe", start_ms), { max_age_ms: 30_000 }))).toEqual([
      30,
      null,
      "no price newer than 2026-11-23T09:00:00.000Z: older than 30 s",
    ])
    expect(told(rule.expects?.absent(start_ms, { max_age_ms: 30_000 }) ?? null)).toEqual([
      30,
      null,
      "never_observed",
    ])
  })
})

describe("inventory_snapshot_stale", () => {
  it("holds from max_age after the newest snapshot", () => {
    const snapshot = {
      inventory_snapshot_id: "00000000-0000-5000-8000-000000000000",
      account_id: "desk.near",
      observed_at: timestamp(start_ms),
      balances: [],
    }
    expect(told(inventorySnapshotStale.breach(snapshot, { max_age_ms: 120_000 }))).toEqual([
      120,
      null,
      "no snapshot newer than 2026-11-23T09:00:00.000Z: older than 2 min",
    ])
  })
})

describe("funding_seen_unconfirmed", () => {
  const breach = (...seen: ReadonlyArray<Seen>) =>
    told(fundingSeenUnconfirmed.breach(transfer(...seen), window))

  it("counts from the first sight, whatever else is learnt about the deposit", () => {
    const reason = "seen but unmined for more than 10 s"
    expect(breach({ s: 0 })).toEqual([10, null, reason])
    expect(breach({ s: 0 }, { s: 4, bridge_status: "PENDING" })).toEqual([10, null, reason])
  })

  it("counts anew from a return to the mempool", () => {
    expect(breach({ s: 0 }, { s: 4, status: "dropped" }, { s: 7 })?.[0]).toBe(17)
  })

  it.each(["confirming", "confirmed", "credited", "dropped", "replaced"] as const)(
    "is nothing once %s",
    (status) => {
      expect(breach({ s: 0 }, { s: 4, status })).toBeNull()
    },
  )
})

describe("funding_confirmed_credit_pending", () => {
  const breach = (...seen: ReadonlyArray<Seen>) =>
    told(fundingConfirmedCreditPending.breach(transfer(...seen), window))

  it("counts from the confirmation, also when nothing was seen before it", () => {
    const reason = "confirmed but not credited for more than 10 s"
    expect(breach({ s: 0 }, { s: 4, status: "confirmed" })).toEqual([14, null, reason])
    expect(breach({ s: 3, status: "confirmed" })).toEqual([13, null, reason])
    expect(
      breach({ s: 3, status: "confirmed" }, { s: 5, status: "confirmed", bridge_status: "PENDING" })?.[0],
    ).toBe(13)
  })

  it.each(["seen", "confirming", "credited", "reorged"] as const)("is nothing while %s", (status) => {
    expect(breach({ s: 0, status: "confirmed" }, { s: 4, status })).toBeNull()
  })
})

describe("funding_stuck", () => {
  const breach = (...seen: ReadonlyArray<Seen>) => told(fundingStuck.breach(transfer(...seen), window))

  it.each(["seen", "confirming", "confirmed"] as const)("counts from the first sight while %s", (status) => {
    expect(breach({ s: 0 }, { s: 4, status })).toEqual([
      10,
      null,
      "not credited within 10 s of its first sight",
    ])
  })

  it.each(["dropped", "replaced", "conflicted", "reorged"] as const)("holds at once when %s", (status) => {
    expect(breach({ s: 0 }, { s: 4, status })).toEqual([4, null, `${status} after it was counted`])
  })

  it("holds at once when reorged after the credit, and ends when credited again", () => {
    const credited_at = timestamp(start_ms + 2000)
    const reorged = [
      { s: 2, status: "credited", credited_at },
      { s: 4, status: "reorged", credited_at },
    ] as const
    expect(breach(...reorged)).toEqual([4, null, "reorged after it was credited"])
    expect(breach(...reorged, { s: 5, status: "credited", credited_at })).toBeNull()
  })

  it("holds from the first time that the bridge says failed, in whatever case it writes it", () => {
    const failing = [
      { s: 0, bridge_status: "PENDING" },
      { s: 4, bridge_status: " failed" },
      { s: 6, status: "confirmed", bridge_status: "FAILED" },
    ] as const
    expect(breach(...failing)).toEqual([4, null, "the bridge says that the deposit failed"])
    expect(breach(...failing, { s: 7, bridge_status: "PENDING" })?.[0]).toBe(10)
    expect(breach(...failing, { s: 7, status: "credited", bridge_status: "FAILED" })).toBeNull()
  })

  it("tells the cause that began first", () => {
    expect(breach({ s: 0 }, { s: 12, status: "seen", bridge_status: "FAILED" })?.[2]).toContain(
      "not credited",
    )
    expect(
      breach({ s: 0, bridge_status: "FAILED" }, { s: 4, status: "dropped", bridge_status: "FAILED" })?.[2],
    ).toContain("the bridge says")
  })

  it("tells of what left the chain uncredited for as long as the policy wants, and of the rest for ever", () => {
    const brief = { ...window, report_withdrawn_ms: 60_000 }
    const replaced = transfer({ s: 0 }, { s: 4, status: "replaced" })
    expect(told(fundingStuck.breach(replaced, brief))?.slice(0, 2)).toEqual([4, 64])
    const credited_at = timestamp(start_ms)
    const reorged = transfer({ s: 4, status: "reorged", credited_at })
    expect(told(fundingStuck.breach(reorged, brief))?.slice(0, 2)).toEqual([4, null])
  })
})

describe("executor_submission_failed", () => {
  const result = (command_id: string, status: TradeResult["status"], s: number): TradeResult => ({
    trade_result_id: tradeResultId(command_id, status),
    command_id,
    pair: "BTC/EURe",
    status,
    occurred_at: timestamp(start_ms + s * 1000),
  })
  const breach = (...results: ReadonlyArray<TradeResult>) => {
    const row = results.reduce<WatchedTrades | null>(latestTrades.projection.evolve, null)
    if (row === null) throw new Error("no result made a row")
    return told(executorSubmissionFailed.breach(row, { clear_after_ms: 60_000 }))
  }

  it.each(["failed", "rejected"] as const)("holds for clear_after once a submission %s", (status) => {
    expect(breach(result("a", "submitted", 0), result("a", status, 1))).toEqual([
      1,
      61,
      "command a failed: no error code",
    ])
  })

  it.each(["accepted", "settled"] as const)("ends with a later command that is %s", (status) => {
    expect(breach(result("a", "failed", 1), result("b", status, 2))).toBeNull()
    expect(breach(result("b", status, 1), result("a", "failed", 2))?.[0]).toBe(2)
  })

  it("is not ended by a bare submission, or by a success of the same instant", () => {
    expect(breach(result("a", "failed", 1), result("b", "submitted", 2))?.[0]).toBe(1)
    expect(breach(result("a", "accepted", 1), result("a", "failed", 1))?.[0]).toBe(1)
  })

  it("is cleared as of when its time was over, though a success came before the tick that saw it", () => {
    const policy = policyWith({ executor_submission_failed: { clear_after_ms: 60_000 } })
    const { write, tick } = desk({ policy })
    const at = (s: number) => start_ms + s * 1000
    write("exec.trade_result", result("a", "failed", 0), at(0))
    expect(tick(at(1))).toHaveLength(1)
    write("exec.trade_result", result("b", "accepted", 70), at(70))
    expect(tick(at(80))).toMatchObject([{ status: "cleared", cleared_at: timestamp(at(60)) }])
  })
})

describe("a length of time", () => {
  it.each([
    [1, "1 ms"],
    [1500, "1500 ms"],
    [90_000, "90 s"],
    [120_000, "2 min"],
    [86_400_000, "24 h"],
  ])("of %i ms is told as %s", (length_ms, text) => {
    expect(spoken(length_ms)).toBe(text)
  })
})
