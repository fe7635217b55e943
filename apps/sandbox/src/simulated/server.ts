import type { AddressInfo } from "node:net"
import fastify, { type FastifyInstance } from "fastify"

/** A server on this machine that can stop to listen, and begin again at its port. */
export interface Listener {
  readonly port: number
  /** Connections are refused from now on, and those that are open end. */
  readonly refuse: () => Promise<void>
  readonly accept: () => Promise<void>
}

/** Listens at the port, or a free one for 0; `routes` fills each server anew. */
export const startServer = async (
  port: number,
  routes: (app: FastifyInstance) => void,
): Promise<Listener> => {
  const listen = async (at: number): Promise<FastifyInstance> => {
    const app = fastify({
      logger: false,
      bodyLimit: 65_536,
      requestTimeout: 10_000,
      forceCloseConnections: true,
    })
    routes(app)
    await app.listen({ host: "127.0.0.1", port: at })
    return app
  }
  let app: FastifyInstance | null = await listen(port)
  const chosen = (app.server.address() as AddressInfo).port
  return {
    port: chosen,
    refuse: async () => {
      const open = app
      app = null
      await open?.close()
    },
    accept: async () => {
      app ??= await listen(chosen)
    },
  }
}
