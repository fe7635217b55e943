import type { AddressInfo } from "node:net"
import fastify, { type FastifyInstance } from "fastify"
import { misbehave } from "../bridge/misbehave.ts"
import { type FaultBox, isWireFault } from "./faults.ts"

/** A simulated part as its clients see it. It can stop to listen, and begin again at its port. */
export interface Listener {
  readonly port: number
  /** Connections are refused from now on, and those that are open end. */
  readonly refuse: () => Promise<void>
  readonly accept: () => Promise<void>
}

export interface ListenerOptions<Own extends string> {
  readonly port: number
  readonly method: "GET" | "POST"
  readonly path: string
  readonly faults: FaultBox<Own>
  /** The text of the answer, with a fault of the part's own if there is one. */
  readonly answer: (asked: { readonly query: unknown; readonly body: unknown }, fault: Own | null) => string
}

/** Listens on this machine. */
export const startListener = async <Own extends string>(options: ListenerOptions<Own>): Promise<Listener> => {
  let app: FastifyInstance | null = await listen(options, options.port)
  const { port } = app.server.address() as AddressInfo
  return {
    port,
    refuse: async () => {
      const open = app
      app = null
      await open?.close()
    },
    accept: async () => {
      app ??= await listen(options, port)
    },
  }
}

const listen = async <Own extends string>(
  { method, path, faults, answer }: ListenerOptions<Own>,
  port: number,
): Promise<FastifyInstance> => {
  const app = fastify({
    logger: false,
    bodyLimit: 65_536,
    requestTimeout: 10_000,
    forceCloseConnections: true,
  })
  app.route({
    method,
    url: path,
    handler: async ({ query, body }, reply) => {
      const fault = faults.take()
      if (fault === null) return reply.type("application/json").send(answer({ query, body }, null))
      const { kind } = fault
      if (!isWireFault(kind)) return reply.type("application/json").send(answer({ query, body }, kind))
      reply.hijack()
      await misbehave({ ...fault, kind }, answer({ query, body }, null), reply.raw)
      return
    },
  })
  await app.listen({ host: "127.0.0.1", port })
  return app
}
