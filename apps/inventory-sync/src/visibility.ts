import { setTimeout as sleep } from "node:timers/promises"
import type { JsonClient } from "@landfall/adapters/net/json-client"
import { createSource } from "@landfall/adapters/polling/source"
import { AmountString } from "@landfall/domain/amount"
import { hasFieldNames } from "@landfall/domain/json"
import { epochMs, Timestamp } from "@landfall/domain/timestamp"
import { Result, Schema } from "effect"

/** More than any desk has; a longer list is none of assets. */
const assets_max = 1_000

const readAnswer = Schema.decodeUnknownResult(
  Schema.Struct({
    as_of: Schema.optionalKey(Timestamp),
    /** When it last looked at chains and bridge; it answers promptly also when that was long ago. */
    last_round_at: Schema.optionalKey(Schema.NullOr(Timestamp)),
    uncredited_funding_total_by_asset: Schema.Record(Schema.String, AmountString).check(
      hasFieldNames,
      Schema.isMaxProperties(assets_max),
    ),
  }),
)
type Answer = ReturnType<typeof readAnswer> extends Result.Result<infer Success, unknown> ? Success : never

/** Money on its way by asset, as the liquidity-manager shows it: for people to see, in no computation of ours. */
export const ShownVisibility = Schema.Struct({
  /** Base units by asset; null when nothing was ever heard. Not spendable, and no part of the inventory. */
  pre_credit_inbound: Schema.NullOr(Schema.Record(Schema.String, Schema.String)),
  state: Schema.Literals(["ok", "stale", "unavailable", "not_configured"]),
  /** When the liquidity-manager last looked, or said it if it does not tell. */
  as_of: Schema.NullOr(Schema.String),
  age_seconds: Schema.NullOr(Schema.Number),
  last_error: Schema.NullOr(Schema.String),
})

/** A look at the liquidity-manager, apart from the inventory: its slowness or absence holds nothing up. */
export interface Visibility {
  readonly shown: () => typeof ShownVisibility.Type
  readonly stop: () => Promise<void>
}

/** Without an address there is nothing to look at, and `/state` says so. */
export const noVisibility: Visibility = {
  shown: () => ({
    pre_credit_inbound: null,
    state: "not_configured",
    as_of: null,
    age_seconds: null,
    last_error: null,
  }),
  stop: async () => {},
}

export interface VisibilityOptions {
  readonly client: Pick<JsonClient, "get">
  readonly interval_ms: number
  readonly now: () => number
}

/** Looks at once, and then again and again until it is stopped. */
export const watchVisibility = ({ client, interval_ms, now }: VisibilityOptions): Visibility => {
  const fresh_ms_max = Math.max(5 * interval_ms, 10_000)
  const source = createSource<Answer>({ name: "liquidity-manager", now, fresh_ms_max })
  const stopping = new AbortController()
  const { signal } = stopping

  const look = async (): Promise<Answer> => {
    const read = readAnswer(await client.get("/state", {}, { signal }))
    if (Result.isSuccess(read)) return read.success
    const what = read.failure.message.replaceAll(/\s+/g, " ").slice(0, 200)
    throw new Error(`liquidity-manager: its /state has no uncredited_funding_total_by_asset (${what})`)
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await source.ask(look, signal).catch(() => {}) // shown by `health`
      await sleep(interval_ms, undefined, { signal }).catch(() => {})
    }
  }
  const done = run()

  return {
    shown: () => {
      const { state, age_ms: heard_ms, last_error } = source.health()
      const answer = source.last()
      const as_of = answer?.last_round_at ?? answer?.as_of ?? null
      const age_ms =
        heard_ms === null ? null : Math.max(heard_ms, as_of === null ? 0 : now() - epochMs(as_of))
      return {
        pre_credit_inbound: answer?.uncredited_funding_total_by_asset ?? null,
        state: state !== "ok" ? "unavailable" : (age_ms ?? 0) > fresh_ms_max ? "stale" : "ok",
        as_of,
        age_seconds: age_ms === null ? null : age_ms / 1000,
        last_error,
      }
    },
    stop: async () => {
      stopping.abort()
      await done
    },
  }
}
