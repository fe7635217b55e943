import { Histogram } from "@prometheus-io/client"
import type { FastifyInstance } from "fastify"
import type { Metrics } from "../metrics/metrics.ts"

/** Registers the histogram of requests that a service answers. */
export const requestMetrics = (registry: Metrics) =>
  new Histogram({
    name: "landfall_http_request_duration_seconds",
    help: "Time from the first byte of a request to the last of its answer.",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10],
    registers: [registry],
  })

/** One line and one measurement a request; the route's pattern is the label, so that paths cannot flood the metrics. */
export const observeRequests = (app: FastifyInstance, metrics: Metrics): void => {
  const seconds = requestMetrics(metrics)
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none"
    const status = reply.statusCode
    seconds.observe({ method: request.method, route, status }, reply.elapsedTime / 1000)
    const line = {
      request_id: request.id,
      method: request.method,
      route,
      status,
      ms: Math.round(reply.elapsedTime),
    }
    if (request.method === "GET" || request.method === "HEAD") request.log.debug(line, "answered")
    else request.log.info(line, "answered")
  })
}
