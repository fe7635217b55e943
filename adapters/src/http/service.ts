import { toJson } from "@landfall/domain/codec"
import type { Position } from "@landfall/domain/position"
import type { Timestamp } from "@landfall/domain/timestamp"
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify"
import { type HttpLimits, limits } from "../config/limits.ts"
import type { Secret } from "../config/secret.ts"
import type { Logger } from "../log/log.ts"
import type { Metrics } from "../metrics/metrics.ts"
import { answerError, createApp, parseJsonBody } from "./app.ts"
import { createGate, type Tokens } from "./authorize.ts"
import type { Bind } from "./bind.ts"
import { blankSecrets } from "./blank-secrets.ts"
import { registerDocs } from "./docs.ts"
import { HttpError } from "./http-error.ts"
import { observeRequests } from "./observe.ts"
import { protect } from "./protect.ts"
import { defineRoute, inputReader, type Route } from "./route.ts"
import { type Readiness, registerStandardRoutes } from "./standard-routes.ts"
import { Streamed } from "./streamed.ts"

/** Where an answer stands: how far the service has read, and how far that is behind each source. */
export interface Standing {
  readonly position?: Position
  /** Seconds since each source was last known to be up to date; null when it never was. */
  readonly behind_seconds?: { readonly [source: string]: number | null }
}

export interface ServiceOptions {
  readonly name: string
  readonly version: string
  readonly bind: Bind
  readonly tokens: Tokens
  readonly log: Logger
  readonly metrics: Metrics
  /** The clock of `as_of`. */
  readonly now: () => Timestamp
  /** How far that clock is ahead of the steady one, which `GET /state` shows. */
  readonly clockSkewMs?: () => number
  readonly readiness: () => Readiness | Promise<Readiness>
  /** What `GET /state` shows; amounts may be `bigint`. */
  readonly state: () => unknown
  /** What a successful `GET /state` looks like, for the documentation. */
  readonly stateSchema?: Route["response"]
  readonly standing?: () => Standing
  readonly routes: readonly Route[]
  readonly limits?: Partial<HttpLimits>
  /** Secrets that are blanked in answers, whoever repeats them. */
  readonly hide?: ReadonlyArray<Secret>
}

/** A service that was built and does not listen yet. */
export interface Service {
  readonly name: string
  readonly app: FastifyInstance
  readonly bind: Bind
  readonly tokens: Tokens
}

/**
 * Builds what every Landfall service shows: its own routes and `/state`, `/health/live`, `/health/ready`, `/metrics`,
 * `/openapi.json` and `/docs`, behind the same checks and limits. Nothing listens before `start`.
 */
export const buildService = async (options: ServiceOptions): Promise<Service> => {
  const size: HttpLimits = { ...limits.http, ...options.limits }
  const app = createApp(options.log, size)
  const gate = createGate(options.name, options.tokens)
  const routes = [stateRoute(options), ...options.routes]

  app.removeAllContentTypeParsers()
  app.addContentTypeParser("application/json", { parseAs: "string" }, parseJsonBody)
  app.setReplySerializer((payload) => toJson(payload))
  app.setErrorHandler(answerError)
  await protect(app, gate, { size, readToken: options.tokens.read !== null })
  blankSecrets(app, options.hide ?? [])
  observeRequests(app, options.metrics)
  for (const route of routes) registerRoute(app, route, options, size)
  refuseOtherMethods(app, routes)
  registerStandardRoutes(app, options, gate)
  await registerDocs(app, { ...options, routes, readToken: options.tokens.read !== null })
  app.setNotFoundHandler((request) => {
    const path = request.url.split("?", 1)[0] ?? ""
    throw new HttpError(404, "not_found", `nothing is at ${path.slice(0, 200)}; /openapi.json lists what is`)
  })
  await app.ready()
  return { name: options.name, app, bind: options.bind, tokens: options.tokens }
}

const stateRoute = (options: ServiceOptions): Route =>
  defineRoute({
    method: "GET",
    url: "/state",
    summary: "What the service knows now, and at which position it stands",
    ...(options.stateSchema === undefined || options.stateSchema === null
      ? {}
      : { response: options.stateSchema }),
    handler: () => {
      const state = options.state()
      const skewMs = options.clockSkewMs
      return skewMs !== undefined && isPlainObject(state)
        ? { clock_skew_seconds: skewMs() / 1000, ...state }
        : state
    },
  })

const registerRoute = (
  app: FastifyInstance,
  route: Route,
  options: ServiceOptions,
  size: HttpLimits,
): void => {
  const read = inputReader(route)
  app.route({
    method: route.method,
    url: route.url,
    ...(route.streams ? { handlerTimeout: size.stream_timeout_ms } : {}),
    handler: async (request, reply) => {
      const input = read(request)
      const accept = request.headers.accept ?? null
      const answer = await route.handler({ ...input, accept, signal: request.signal, log: options.log })
      reply.code(route.status)
      if (answer instanceof Streamed) {
        reply.headers(answer.headers).type(answer.contentType)
        if (request.method !== "HEAD") return reply.send(answer.body)
        answer.body.destroy()
        return reply.send()
      }
      return isPlainObject(answer) ? { as_of: options.now(), ...options.standing?.(), ...answer } : answer
    },
  })
}

const isPlainObject = (value: unknown): value is { readonly [field: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A known path with another method gets 405, once it was let in. */
const refuseOtherMethods = (app: FastifyInstance, routes: readonly Route[]): void => {
  for (const url of new Set(routes.map((route) => route.url))) {
    const known: string[] = routes.filter((route) => route.url === url).map(({ method }) => method)
    const allow = known.includes("GET") ? [...known, "HEAD"] : known
    const others = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter(
      (method) => !allow.includes(method),
    )
    const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
      reply.header("allow", allow.join(", "))
      throw new HttpError(
        405,
        "method_not_allowed",
        `${request.method} is not for this path; it takes ${allow.join(", ")}`,
      )
    }
    app.route({ method: others, url, exposeHeadRoute: false, onRequest: refuse, handler: refuse })
  }
}
