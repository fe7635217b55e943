import { type TradeResult, tradeResultId } from "@landfall/domain/topics/trade-result"
import { describe, it } from "vitest"
import { given } from "../src/testing/given.ts"
import { storyTime } from "../src/testing/pools.ts"
import { type PairTradeResult, tradeResult } from "../src/trade-result.ts"

const result = (
  command_id: string,
  status: TradeResult["status"],
  seconds: number,
  error: Pick<TradeResult, "error_code" | "error_message"> = {},
): TradeResult => ({
  trade_result_id: tradeResultId(command_id, status),
  command_id,
  pair: "BTC/EURe",
  status,
  ...error,
  occurred_at: storyTime(seconds),
})

const relayDown = { error_code: "RELAY_DOWN", error_message: "the relay refused the connection" }

/** The row in which these are the last result, success and failure. */
const row = (
  last: TradeResult,
  success: TradeResult | null,
  failure: TradeResult | null,
): PairTradeResult => ({
  pair: "BTC/EURe",
  last_result_id: last.trade_result_id,
  last_command_id: last.command_id,
  last_status: last.status,
  last_at: last.occurred_at,
  last_success_id: success?.trade_result_id ?? null,
  last_success_command_id: success?.command_id ?? null,
  last_success_at: success?.occurred_at ?? null,
  last_failure_id: failure?.trade_result_id ?? null,
  last_failure_command_id: failure?.command_id ?? null,
  last_failure_at: failure?.occurred_at ?? null,
  last_failure_error_code: failure?.error_code ?? null,
  last_failure_error_message: failure?.error_message ?? null,
})

describe("the trade results of a pair", () => {
  it("begin with a submission, which is neither success nor failure", () => {
    const submitted = result("a", "submitted", 1)
    given(tradeResult)
      .when(submitted)
      .then(row(submitted, null, null))
  })

  it.each(["accepted", "settled"] as const)("count %s as a success", (status) => {
    const good = result("a", status, 2)
    given(tradeResult, [result("a", "submitted", 1)])
      .when(good)
      .then(row(good, good, null))
  })

  it.each(["rejected", "failed"] as const)("count %s as a failure, with its error", (status) => {
    const bad = result("a", status, 2, relayDown)
    given(tradeResult, [result("a", "submitted", 1)])
      .when(bad)
      .then(row(bad, null, bad))
  })

  it("keep a failure beside the success that follows", () => {
    const bad = result("a", "failed", 1, relayDown)
    const good = result("b", "accepted", 2)
    given(tradeResult, [bad])
      .when(good)
      .then(row(good, good, bad))
  })

  it("keep a success beside the failure that follows", () => {
    const good = result("a", "accepted", 1)
    const bad = result("b", "rejected", 2, relayDown)
    given(tradeResult, [good])
      .when(bad)
      .then(row(bad, good, bad))
  })

  it("forget the error of an earlier failure when a later one has none", () => {
    const bare = result("b", "failed", 2)
    given(tradeResult, [result("a", "failed", 1, relayDown)])
      .when(bare)
      .then(row(bare, null, bare))
  })

  it("take a late success as the last success though the last result is newer", () => {
    const bad = result("b", "failed", 5, relayDown)
    const lateGood = result("a", "accepted", 2)
    given(tradeResult, [bad])
      .when(lateGood)
      .then(row(bad, lateGood, bad))
  })

  it("are not changed by a failure older than the last failure", () => {
    const newer = result("b", "failed", 5, relayDown)
    given(tradeResult, [newer])
      .when(result("a", "failed", 4))
      .thenNothingChanges()
  })

  it("are not changed by a submission older than the last result", () => {
    given(tradeResult, [result("b", "accepted", 5)])
      .when(result("a", "submitted", 4))
      .thenNothingChanges()
  })

  it("go by the greater id at the same time, whichever came first", () => {
    const first = result("a", "failed", 1)
    const second = result("b", "failed", 1, relayDown)
    const winner = first.trade_result_id > second.trade_result_id ? first : second
    given(tradeResult, [first])
      .when(second)
      .then(row(winner, null, winner))
    given(tradeResult, [second])
      .when(first)
      .then(row(winner, null, winner))
  })

  it("are kept for each pair on its own", () => {
    const other = { ...result("b", "submitted", 1), pair: "EURe/BTC" }
    given(tradeResult, [result("a", "failed", 9)])
      .when(other)
      .then({ ...row(other, null, null), pair: "EURe/BTC" })
  })
})
