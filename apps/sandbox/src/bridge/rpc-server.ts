import { isWireFault } from "../simulated/faults.ts"
import { misbehave } from "../simulated/misbehave.ts"
import { type Listener, startServer } from "../simulated/server.ts"
import { answerRpc, methodOf } from "./rpc.ts"
import type { BridgeStore } from "./store.ts"

/** What the real bridge says at times instead of an error in JSON-RPC's shape. */
const stringError = '{"jsonrpc":"2.0","id":"1","error":"backend is not available"}'

/** The bridge as its clients see it: JSON-RPC over POST at `/rpc`. */
export const startRpcServer = (store: BridgeStore, port: number): Promise<Listener> =>
  startServer(port, (app) =>
    app.post("/rpc", async (request, reply) => {
      const method = methodOf(request.body)
      store.countCall(method)
      const fault = store.takeFault(method)
      const text = answerRpc(store, request.body, {
        paging: fault?.kind === "missing_paging",
        timestamps: fault?.kind === "missing_timestamps",
      })
      if (fault !== null && isWireFault(fault.kind)) {
        reply.hijack()
        await misbehave({ ...fault, kind: fault.kind }, text, reply.raw)
        return
      }
      return reply.type("application/json").send(fault?.kind === "string_error" ? stringError : text)
    }),
  )
