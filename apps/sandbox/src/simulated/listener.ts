import { type FaultBox, isWireFault } from "./faults.ts"
import { misbehave } from "./misbehave.ts"
import { type Listener, startServer } from "./server.ts"

export interface ListenerOptions<Own extends string> {
  readonly port: number
  readonly method: "GET" | "POST"
  readonly path: string
  readonly faults: FaultBox<Own>
  /** The text of the answer, with a fault of the part's own if there is one. */
  readonly answer: (asked: { readonly query: unknown; readonly body: unknown }, fault: Own | null) => string
}

/** A simulated part with one path, as its clients see it. */
export const startListener = <Own extends string>({
  port,
  method,
  path,
  faults,
  answer,
}: ListenerOptions<Own>): Promise<Listener> =>
  startServer(port, (app) =>
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
    }),
  )
