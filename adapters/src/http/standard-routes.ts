import type { FastifyInstance } from "fastify"
import type { Metrics } from "../metrics/metrics.ts"
import { authorizationOf, type Gate } from "./authorize.ts"

/** Whether a service has caught up, and if not, what it waits for. */
export interface Readiness {
  readonly ready: boolean
  readonly reasons: readonly string[]
  /** What is the matter with which partition, for programs; beside the reasons it may tell of what is none. */
  readonly partitions?: readonly unknown[]
  /** Which projections are being made anew, how far that is and how long it will take. */
  readonly rebuilding?: readonly unknown[]
}

/** The probes and the metrics, which are the same for all services. */
export const registerStandardRoutes = (
  app: FastifyInstance,
  options: { readonly readiness: () => Readiness | Promise<Readiness>; readonly metrics: Metrics },
  gate: Gate,
): void => {
  // Depends on nothing: a service that waits for Kafka or PostgreSQL lives, and must not be restarted for it.
  app.get("/health/live", async () => ({ live: true }))

  app.get("/health/ready", async (request, reply) => {
    const readiness = await readinessOf(options.readiness)
    const { ready } = readiness
    reply.code(ready ? 200 : 503)
    // A probe has no token; who may not read gets the answer without the reasons, which name other systems.
    return gate.allows("GET", authorizationOf(request.raw.rawHeaders)) ? readiness : { ready }
  })

  app.get("/metrics", async (_request, reply) => {
    reply.type(options.metrics.contentType)
    reply.serializer((text: string) => text)
    return options.metrics.metrics()
  })
}

const readinessOf = async (readiness: () => Readiness | Promise<Readiness>): Promise<Readiness> => {
  try {
    return await readiness()
  } catch (error) {
    return {
      ready: false,
      reasons: [`readiness is unknown: ${error instanceof Error ? error.message : "?"}`],
    }
  }
}
