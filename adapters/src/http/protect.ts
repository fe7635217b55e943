import helmet from "@fastify/helmet"
import rateLimit from "@fastify/rate-limit"
import type { FastifyInstance } from "fastify"
import type { HttpLimits } from "../config/limits.ts"
import { authorizationOf, type Gate } from "./authorize.ts"
import { isLoopback } from "./bind.ts"
import { HttpError } from "./http-error.ts"

/** Probes and pages without data, which need no token: by the pattern of the route, never by the text of the path. */
const isOpen = (route: string | undefined): boolean =>
  route !== undefined &&
  (["/health/live", "/health/ready", "/openapi.json", "/docs"].includes(route) || route.startsWith("/docs/"))

/** The host of a `Host` header, without the port and the brackets of IPv6. */
const hostOf = (header: string): string =>
  header
    .replace(/:\d+$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .toLowerCase()

/** Whatever happens, the process can be asked whether it lives. */
const isUnlimited = (route: string | undefined): boolean => route === "/health/live"

/**
 * Puts the checks before everything else, for known and unknown paths alike and before a body is read:
 * length of the address, security headers, rate, token.
 */
export const protect = async (
  app: FastifyInstance,
  gate: Gate,
  options: { readonly size: HttpLimits; readonly readToken: boolean },
): Promise<void> => {
  const { size, readToken } = options
  await app.register(helmet, {
    // Answers are JSON: a browser that is made to show one may load nothing. `/docs` sets its own.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Whoever puts TLS in front of a service decides on HSTS; over plain HTTP browsers ignore it.
    hsts: false,
  })
  await app.register(rateLimit, {
    global: false,
    max: size.rate_requests_max,
    timeWindow: size.rate_window_ms,
    errorResponseBuilder: (_request, { after }) =>
      new HttpError(429, "too_many_requests", `too many requests; try again in ${after}`),
  })
  const limitRate = app.rateLimit()

  app.addHook("onRequest", async (request, reply) => {
    reply.header("cache-control", "no-store").header("x-request-id", request.id)
    if ((request.raw.url ?? "").length > size.url_chars_max)
      throw new HttpError(414, "url_too_long", `the address is longer than ${size.url_chars_max} characters`)
  })
  app.addHook("onRequest", async (request) => {
    // Reading is open to this machine alone then: a page in its browser must not pass for it under another name.
    if (!readToken && !isLoopback(hostOf(request.headers.host ?? "")))
      throw new HttpError(421, "wrong_host", "ask for this service as 127.0.0.1 or localhost", {
        field: "host",
        accepted: "127.0.0.1, [::1] or localhost, with any port",
      })
  })
  app.addHook("onRequest", async function (request, reply) {
    if (!isUnlimited(request.routeOptions.url)) await limitRate.call(this, request, reply)
  })
  app.addHook("onRequest", async (request, reply) => {
    const { method } = request
    const authorization = authorizationOf(request.raw.rawHeaders)
    const reads = method === "GET" || method === "HEAD"
    if ((reads && isOpen(request.routeOptions.url)) || gate.allows(method, authorization)) return
    const { error, challenge } = gate.refusal(method, authorization)
    // What is left of the body is not waited for.
    reply.header("www-authenticate", challenge).header("connection", "close")
    throw error
  })
}
