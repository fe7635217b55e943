import type { AddressInfo } from "node:net"
import { type Bind, bindProblem } from "./bind.ts"
import type { Service } from "./service.ts"

/** A service does not listen; the message says why and what to do. */
export class StartRefused extends Error {
  readonly _tag = "StartRefused"
}

/** A service that listens. */
export interface Running {
  readonly url: string
  readonly port: number
  /** Takes no new requests, lets those under way end, and resolves when all is closed. */
  readonly stop: () => Promise<void>
}

/**
 * Lets a service listen. Beyond loopback it needs a control token and a read token, and refuses without them,
 * so that a forgotten variable cannot show the desk's money to a network.
 */
export const start = async (service: Service, bind: Bind = service.bind): Promise<Running> => {
  const { app, tokens, name } = service
  const problem = bindProblem(bind.host, tokens)
  if (problem !== null) throw new StartRefused(`${name} does not start: ${problem}`)
  try {
    await app.listen({ host: bind.host, port: bind.port })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new StartRefused(
      `${name} cannot listen on ${bind.host} port ${bind.port}: ${why}. Is another instance running? Choose another port, or 0 for a free one.`,
      { cause },
    )
  }
  const { port } = app.server.address() as AddressInfo
  const host = bind.host.includes(":") ? `[${bind.host}]` : bind.host
  return { url: `http://${host}:${port}`, port, stop: () => app.close() }
}
