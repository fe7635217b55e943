import { optional } from "@landfall/adapters/config/field"
import { oneOf } from "@landfall/adapters/config/kinds"
import { firstAfter } from "@landfall/adapters/http/first-after"
import { unavailable } from "@landfall/adapters/http/http-error"
import { cursorOf, pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import { Alert, AlertCode } from "@landfall/domain/topics/alert"
import { evaluations } from "@landfall/evaluators/alerts/views"
import { Schema } from "effect"
import type { Sentinel } from "./sentinel.ts"
import { ShownEvaluation } from "./state.ts"

const next_cursor = Schema.NullOr(Schema.String)
const Turned = Schema.Struct({
  alerts: Schema.Array(Alert),
  looked_at: Schema.Int,
  caught_up: Schema.Boolean,
  paused: Schema.Boolean,
})
const Paused = Schema.Struct({ paused: Schema.Boolean })
const code = optional(oneOf(AlertCode.literals), "only this code")

const keyOf = ({ alert_key }: { readonly alert_key: string }): string => alert_key

/** The commands, and the lists of which `/state` shows the beginning. */
export const sentinelRoutes = (sentinel: Sentinel): ReadonlyArray<Route> => [
  defineRoute({
    method: "POST",
    url: "/pause",
    summary: "Emit nothing until resumed; reading goes on",
    description: "Answers once nothing is published any more. A restart forgets it.",
    response: Paused,
    handler: async () => {
      await sentinel.pause()
      return { paused: true }
    },
  }),
  defineRoute({
    method: "POST",
    url: "/resume",
    summary: "Evaluate again; each alert key gets at most one transition for the time of the pause",
    response: Paused,
    handler: () => {
      sentinel.resume()
      return { paused: false }
    },
  }),
  defineRoute({
    method: "POST",
    url: "/evaluate",
    summary: "Tick now, and answer with the transitions that were published",
    response: Turned,
    handler: async () => {
      const turn = await sentinel.evaluate()
      if (turn === null) throw unavailable("nothing can be evaluated at the moment; /health/ready says why")
      return {
        alerts: turn.alerts,
        looked_at: turn.looked_at,
        caught_up: turn.caught_up,
        paused: sentinel.paused_since_ms() !== null,
      }
    },
  }),
  defineRoute({
    method: "GET",
    url: "/v1/alerts",
    summary: "The latest transition of each alert key, in the order of the keys",
    query: {
      status: optional(oneOf(["raised", "cleared"]), "only alerts that are raised, or that are cleared"),
      alert_code: code,
      cursor: optional(cursorOf("alerts", 1), "where the page begins"),
      limit: pageLimit,
    },
    response: Schema.Struct({ items: Schema.Array(Alert), next_cursor }),
    handler: ({ query: { status, alert_code, cursor, limit } }) => {
      const rows = [...(sentinel.state()?.alerts.values() ?? [])].filter(
        (alert) =>
          (status === null || alert.status === status) &&
          (alert_code === null || alert.alert_code === alert_code),
      )
      return pageOf("alerts", firstAfter(rows, keyOf, cursor?.[0] ?? "", limit), limit, (row) => [keyOf(row)])
    },
  }),
  defineRoute({
    method: "GET",
    url: "/v1/evaluations",
    summary: "How each alert key stood at the latest tick, in the order of the keys",
    query: {
      state: optional(oneOf(["ok", "pending", "raised", "lagging", "error"]), "only keys in this state"),
      alert_code: code,
      cursor: optional(cursorOf("evaluations", 1), "where the page begins"),
      limit: pageLimit,
    },
    response: Schema.Struct({
      items: Schema.Array(Schema.Struct({ alert_key: Schema.String, ...ShownEvaluation.fields })),
      next_cursor,
    }),
    handler: ({ query: { state, alert_code, cursor, limit } }) => {
      const known = sentinel.state()
      const rows = (known === null ? [] : Iterator.from(evaluations(known))).filter(
        (one) =>
          (state === null || one.state === state) && (alert_code === null || one.alert_code === alert_code),
      )
      return pageOf("evaluations", firstAfter(rows, keyOf, cursor?.[0] ?? "", limit), limit, (row) => [
        keyOf(row),
      ])
    },
  }),
]
