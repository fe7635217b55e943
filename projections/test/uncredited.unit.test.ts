import { amount } from "@landfall/domain/amount"
import { type FundingStatus, uncreditedStatuses } from "@landfall/domain/topics/funding-observation"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fold } from "../src/fold.ts"
import { fundingTransfer } from "../src/funding-transfer.ts"
import { fundingHistory } from "../src/testing/funding-history.ts"
import { uncreditedTotals } from "../src/uncredited.ts"

const transfer = (status: FundingStatus, units: bigint, asset_id = "btc") => ({
  asset_id,
  status,
  amount: amount(units),
})

describe("uncredited totals", () => {
  it("count seen, confirming and confirmed by asset, exactly beyond 2^53", () => {
    const totals = uncreditedTotals([
      transfer("seen", 2n ** 53n),
      transfer("confirming", 1n),
      transfer("confirmed", 10n),
      transfer("confirmed", 7n, "eure"),
    ])
    expect(totals).toEqual(
      new Map([
        ["btc", 2n ** 53n + 11n],
        ["eure", 7n],
      ]),
    )
  })

  it.each(["credited", "replaced", "conflicted", "dropped", "reorged"] as const)(
    "do not count %s",
    (status) => {
      expect(uncreditedTotals([transfer(status, 1n)])).toEqual(new Map())
    },
  )

  it("are the sum of what is on its way, in any history", () => {
    fc.assert(
      fc.property(fundingHistory, (events) => {
        const rows = [...fold(fundingTransfer, events).values()]
        const onTheWay = rows.filter((row) => uncreditedStatuses.has(row.status))
        const sum = [...uncreditedTotals(rows).values()].reduce((left, right) => left + right, 0n)
        expect(sum).toBe(onTheWay.reduce((total, row) => total + row.amount, 0n))
      }),
    )
  })
})
