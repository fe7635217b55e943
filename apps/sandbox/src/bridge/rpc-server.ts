import type { AddressInfo } from "node:net"
import fastify, { type FastifyInstance } from "fastify"
import { misbehave } from "./misbehave.ts"
import { answerRpc, methodOf } from "./rpc.ts"
import type { BridgeStore } from "./store.ts"

/** The bridge as its clients see it: JSON-RPC over POST at `/rpc`. It can stop to listen and begin again at its port. */
export interface RpcServer {
  readonly port: number
  /** Connections are refused from now on, and those that are open end. */
  readonly refuse: () => Promise<void>
  readonly accept: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Listens on this machine. */
export const startRpcServer = async (store: BridgeStore, port: number): Promise<RpcServer> => {
  let app: FastifyInstance | null = await listen(store, port)
  const chosen = (app.server.address() as AddressInfo).port
  const refuse = async () => {
    const open = app
    app = null
    await open?.close()
  }
  return {
    port: chosen,
    refuse,
    accept: async () => {
      app ??= await listen(store, chosen)
    },
    stop: refuse,
  }
}

const listen = async (store: BridgeStore, port: number): Promise<FastifyInstance> => {
  const app = fastify({
    logger: false,
    bodyLimit: 65_536,
    requestTimeout: 10_000,
    forceCloseConnections: true,
  })
  app.post("/rpc", async (request, reply) => {
    const method = methodOf(request.body)
    store.countCall(method)
    const fault = store.takeFault(method)
    const text = answerRpc(store, request.body, {
      paging: fault?.kind === "missing_paging",
      timestamps: fault?.kind === "missing_timestamps",
    })
    if (fault !== null && fault.kind !== "missing_paging" && fault.kind !== "missing_timestamps") {
      reply.hijack()
      await misbehave(fault, text, reply.raw)
      return
    }
    return reply.type("application/json").send(text)
  })
  await app.listen({ host: "127.0.0.1", port })
  return app
}
