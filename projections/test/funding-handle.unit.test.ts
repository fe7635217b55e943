import { amount } from "@landfall/domain/amount"
import { handleActionId, type LiquidityAction } from "@landfall/domain/topics/liquidity-action"
import { describe, it } from "vitest"
import { type FundingHandle, fundingHandle } from "../src/funding-handle.ts"
import { given } from "../src/testing/given.ts"
import { handles, storyTime } from "../src/testing/pools.ts"

const [desk, , eure, usdc] = handles
if (desk === undefined || eure === undefined || usdc === undefined) throw new Error("too few handles")

const acted = (
  action: "deposit_handle_issued" | "deposit_handle_retired",
  seconds: number,
  handle = desk,
): LiquidityAction => ({
  liquidity_action_id: handleActionId(action, handle, storyTime(seconds)),
  ...handle,
  action,
  occurred_at: storyTime(seconds),
})
const issued = (seconds: number, handle = desk) => acted("deposit_handle_issued", seconds, handle)
const retired = (seconds: number, handle = desk) => acted("deposit_handle_retired", seconds, handle)

/** The row after the deciding action. */
const row = (
  decided: LiquidityAction,
  issuedAt_s: number | null,
  retiredAt_s: number | null,
  handle = desk,
): FundingHandle => ({
  ...handle,
  active: decided.action === "deposit_handle_issued",
  issued_at: issuedAt_s === null ? null : storyTime(issuedAt_s),
  retired_at: retiredAt_s === null ? null : storyTime(retiredAt_s),
  liquidity_action_id: decided.liquidity_action_id,
  updated_at: decided.occurred_at,
})

describe("a funding handle", () => {
  it("is active once it was issued", () => {
    given(fundingHandle)
      .when(issued(1))
      .then(row(issued(1), 1, null))
  })

  it("is not active once it was retired", () => {
    given(fundingHandle, [issued(1)])
      .when(retired(2))
      .then(row(retired(2), 1, 2))
  })

  it("is active again when it is issued again", () => {
    given(fundingHandle, [issued(1), retired(2)])
      .when(issued(3))
      .then(row(issued(3), 3, 2))
  })

  it("is known as retired even when its issue was never seen", () => {
    given(fundingHandle)
      .when(retired(2))
      .then(row(retired(2), null, 2))
  })

  it("stays retired when the issue is told late, and says when that was", () => {
    given(fundingHandle, [retired(2)])
      .when(issued(1))
      .then(row(retired(2), 1, 2))
  })

  it("stays active when a retirement before the last issue is told late", () => {
    given(fundingHandle, [issued(3)])
      .when(retired(2))
      .then(row(issued(3), 3, 2))
  })

  it("is retired when issue and retirement have the same time, whichever came first", () => {
    given(fundingHandle, [issued(5)])
      .when(retired(5))
      .then(row(retired(5), 5, 5))
    given(fundingHandle, [retired(5)])
      .when(issued(5))
      .then(row(retired(5), 5, 5))
  })

  it("goes by the greater id when the same is told twice for one time, whichever came first", () => {
    const first = { ...issued(1), liquidity_action_id: "11111111-0000-5000-8000-000000000000" }
    const second = { ...issued(1), liquidity_action_id: "22222222-0000-5000-8000-000000000000" }
    given(fundingHandle, [first])
      .when(second)
      .then(row(second, 1, null))
    given(fundingHandle, [second])
      .when(first)
      .then(row(second, 1, null))
  })

  it("is not changed by an older action that tells nothing new", () => {
    given(fundingHandle, [issued(1), retired(2), issued(3)])
      .when(issued(1))
      .thenNothingChanges()
  })

  it("serves each of its assets on its own", () => {
    given(fundingHandle, [issued(1, eure), retired(2, eure)])
      .when(issued(3, usdc))
      .then(row(issued(3, usdc), 3, null, usdc))
  })

  it.each(["withdrawal_requested", "withdrawal_settled", "withdrawal_failed"] as const)(
    "is not concerned by %s, with or without a handle in it",
    (action) => {
      const withdrawal: LiquidityAction = { ...issued(9), action, amount: amount(1n) }
      const { funding_handle: _, ...bare } = withdrawal
      given(fundingHandle, [issued(1)])
        .when(withdrawal)
        .thenNothingChanges()
      given(fundingHandle, [issued(1)])
        .when(bare)
        .thenNothingChanges()
      given(fundingHandle).when(withdrawal).then(null)
      given(fundingHandle).when(bare).then(null)
    },
  )
})
