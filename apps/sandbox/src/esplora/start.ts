import type { AddressInfo } from "node:net"
import { jsonRpc } from "@landfall/setup/parts/json-rpc"
import fastify from "fastify"
import { createFaultBox, type Fault, isWireFault } from "../simulated/faults.ts"
import { misbehave } from "../simulated/misbehave.ts"
import { type Answer, esploraAnswers } from "./answers.ts"
import { chainIndex } from "./chain-index.ts"

export interface EsploraServerOptions {
  /** A bitcoind, with user and password; regtest or another small chain. */
  readonly bitcoindUrl: string
  /** Where clients find it; a free port unless said. */
  readonly port?: number
}

/** Beside what goes wrong on the wire, the server can turn away a client that asks too often. */
export type EsploraFault = Fault<"status_429">

/** Changes an answer before it is sent; for servers that lie. */
export type Rewrite = (path: string, answer: Answer) => Answer

/** A server of Esplora's wire shapes over a real node. */
export interface EsploraServer {
  readonly url: string
  /** Misbehaves from now on, at the paths that match if some are named; null ends it. */
  readonly setFault: (fault: EsploraFault | null, paths?: RegExp) => void
  readonly setRewrite: (rewrite: Rewrite | null) => void
  /** Stops to follow its node, as a server that is behind, or goes on. */
  readonly setFrozen: (frozen: boolean) => void
  /** The paths that were asked for so far. */
  readonly asked: () => ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

/** More would be a mistake of the client, and would fill the memory. */
const askedMax = 100_000

/** Starts it on this machine, where it listens once it has read the chain. */
export const startEsplora = async (options: EsploraServerOptions): Promise<EsploraServer> => {
  const rpc = jsonRpc(options.bitcoindUrl)
  const index = chainIndex(rpc)
  const answer = esploraAnswers(index, rpc)
  const faults = createFaultBox<"status_429">()
  const asked: string[] = []
  let faulty: RegExp | null = null
  let rewrite: Rewrite | null = null
  let frozen = false
  await index.sync()

  const app = fastify({ logger: false, requestTimeout: 10_000, forceCloseConnections: true })
  app.get("/*", async ({ url }, reply) => {
    const path = url.split("?")[0] ?? "/"
    if (asked.length < askedMax) asked.push(path)
    if (!frozen) await index.sync()
    const right = await answer(path)
    const { status, type, text } = rewrite === null ? right : rewrite(path, right)
    const fault = faulty === null || faulty.test(path) ? faults.take() : null
    if (fault === null) return reply.code(status).type(type).send(text)
    const { kind } = fault
    if (!isWireFault(kind)) return reply.code(429).type("text/plain").send("Too many requests")
    reply.hijack()
    await misbehave({ ...fault, kind }, text, reply.raw)
    return
  })
  await app.listen({ host: "127.0.0.1", port: options.port ?? 0 })
  const { port } = app.server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    setFault: (fault, paths) => {
      faults.set(fault)
      faulty = paths ?? null
    },
    setRewrite: (next) => {
      rewrite = next
    },
    setFrozen: (next) => {
      frozen = next
    },
    asked: () => asked,
    stop: () => app.close(),
  }
}
