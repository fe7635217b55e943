import { connect, createServer, type Socket } from "node:net"
import { onTestFinished } from "vitest"

/** A way to PostgreSQL on which answers can be lost. */
export interface AnswersLostProxy {
  readonly url: string
  /** From the next answer with that word on, that one included, what the server says is swallowed. */
  readonly loseAnswersFrom: (word: string) => void
  /** Lets answers through again. */
  readonly heal: () => void
  /** Bytes of answers that were swallowed. */
  readonly lost: () => number
}

/** Opens such a way for the running test. */
export const answersLostProxy = async (url: string): Promise<AnswersLostProxy> => {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let word: string | null = null
  let losing = false
  let lost = 0
  const track = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    track(client).on("data", (bytes) => upstream.write(bytes))
    track(upstream).on("data", (bytes) => {
      losing ||= word !== null && bytes.includes(word)
      if (losing) lost += bytes.length
      else client.write(bytes)
    })
    client.on("close", () => upstream.destroy())
    upstream.on("close", () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the proxy has no port")
  const way = new URL(url)
  way.port = String(address.port)
  return {
    url: way.href,
    loseAnswersFrom: (first) => {
      word = first
    },
    heal: () => {
      word = null
      losing = false
    },
    lost: () => lost,
  }
}
