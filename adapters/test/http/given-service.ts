import { Schema } from "effect"
import { optional, required, withDefault } from "../../src/config/field.ts"
import { instant, integer, oneOf, text } from "../../src/config/kinds.ts"
import { secret } from "../../src/config/secret.ts"
import { conflict, notFound } from "../../src/http/http-error.ts"
import { cursorOf, pageLimit } from "../../src/http/pagination.ts"
import { defineRoute } from "../../src/http/route.ts"
import { buildService, type Service, type ServiceOptions } from "../../src/http/service.ts"
import { createLog } from "../../src/log/log.ts"
import { createMetrics } from "../../src/metrics/metrics.ts"

export const control = "control-token-0123456789"
export const read = "read-token-0123456789"

/** A service with one route of each sort, what its commands did, and what it logged. */
export interface Given {
  readonly service: Service
  readonly commands: unknown[]
  readonly lines: string[]
}

const service = { name: "history-writer", version: "0.1.0" }

/** The service of the tests; whatever a test cares about is given. */
export const givenService = async (options: Partial<ServiceOptions> = {}): Promise<Given> => {
  const commands: unknown[] = []
  const lines: string[] = []
  const built = await buildService({
    ...service,
    bind: { host: "127.0.0.1", port: 0 },
    tokens: { control: secret(control), read: null },
    log: createLog({ name: service.name, level: "debug", to: { write: (line) => lines.push(line) } }),
    metrics: createMetrics(service),
    now: () => "2026-11-23T09:30:00.000Z",
    readiness: () => ({ ready: true, reasons: [] }),
    state: () => ({ credited: 10n ** 21n }),
    standing: () => ({ position: { "ops.alert": { 0: 12 } }, behind_seconds: { "ops.alert": 0.5 } }),
    routes: [...routes, pause(commands)],
    ...options,
  })
  return { service: built, commands, lines }
}

const routes = [
  defineRoute({
    method: "GET",
    url: "/v1/transfers",
    summary: "Inbound transfers",
    query: {
      limit: pageLimit,
      cursor: optional(cursorOf("transfers", 2), "where the page begins"),
      as_of: optional(instant, "what was known then"),
      status: optional(oneOf(["seen", "confirmed"]), "only this status"),
      min_confirmations: withDefault(integer({ min: 0, max: 100 }), "0", "at least so many"),
    },
    response: Schema.Struct({ items: Schema.Array(Schema.Struct({ amount: Schema.String })) }),
    handler: ({ query }) => ({ items: [], query }),
  }),
  defineRoute({
    method: "GET",
    url: "/v1/transfers/:transfer_id",
    summary: "One transfer",
    params: { transfer_id: required(text, "the transfer") },
    handler: ({ params }) => {
      if (params.transfer_id === "broken") throw new Error("password=hunter2 at /srv/landfall/secret.ts")
      if (params.transfer_id === "old") return { as_of: "2026-01-01T00:00:00.000Z", position: {}, id: "old" }
      throw notFound(`no transfer ${params.transfer_id}`)
    },
  }),
  defineRoute({
    method: "GET",
    url: "/v1/slow",
    summary: "Never answers by itself",
    handler: ({ signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  }),
]

const pause = (commands: unknown[]) =>
  defineRoute({
    method: "POST",
    url: "/pause-funding-observer",
    summary: "Stops asking one chain, or all",
    body: Schema.Struct({ chain: Schema.optionalKey(Schema.Literals(["bitcoin", "gnosis"])) }),
    status: 202,
    handler: ({ body }) => {
      if (body.chain === "gnosis") throw conflict("gnosis is paused already")
      commands.push(body)
      return { paused: true }
    },
  })
