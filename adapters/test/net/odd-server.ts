import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"

/** One request to the odd server, and what its answer may do, down to the bytes on the socket. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly body: string
  readonly response: ServerResponse
  readonly socket: Socket
  /** Resolves when the other side has closed the connection. */
  readonly closed: Promise<void>
}

export interface OddServer {
  readonly url: string
  readonly port: number
  readonly requests: ReadonlyArray<{
    readonly method: string
    readonly url: string
    readonly authorization: string | undefined
    readonly body: string
  }>
  readonly close: () => Promise<void>
}

/** A server's key and certificate in PEM. */
export interface ServerCertificate {
  readonly key: string
  readonly cert: string
}

/** A server on a free port of this machine that answers as the test says; with a certificate it speaks TLS. */
export const startOddServer = async (
  answer: (exchange: Exchange) => void,
  certificate: ServerCertificate | null = null,
): Promise<OddServer> => {
  const requests: Array<OddServer["requests"][number]> = []
  const closings = new WeakMap<Socket, Promise<void>>()
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { socket } = request
    const closed =
      closings.get(socket) ?? new Promise<void>((resolve) => socket.once("close", () => resolve()))
    closings.set(socket, closed)
    let body = ""
    for await (const chunk of request) body += chunk
    const { method = "", url = "", headers } = request
    requests.push({ method, url, authorization: headers.authorization, body })
    answer({ request, body, response, socket, closed })
  }
  const server = certificate === null ? createServer(serve) : createTlsServer({ ...certificate }, serve)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${certificate === null ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
