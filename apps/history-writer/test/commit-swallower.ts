import { connect, createServer, type Socket } from "node:net"

/** A proxy in front of PostgreSQL that now and then lets a COMMIT through, but not the answer to it. */
export interface CommitSwallower {
  readonly port: number
  /** How many answers it has swallowed. */
  readonly swallowed: () => number
  readonly close: () => Promise<void>
}

/**
 * Starts it. After every `nth` COMMIT that it passes on, it closes the client's connection when the server has answered,
 * or keeps it open without a word.
 */
export const startCommitSwallower = async (
  serverPort: number,
  nth: number,
  then: "close" | "silence" = "close",
): Promise<CommitSwallower> => {
  const sockets = new Set<Socket>()
  let commits = 0
  let swallowed = 0
  const server = createServer((client) => {
    const upstream = connect({ port: serverPort, host: "127.0.0.1", noDelay: true })
    let swallowing = false
    const sees = commitSpotter(() => {
      swallowing ||= ++commits % nth === 0
    })
    client.setNoDelay(true)
    client.on("data", (bytes) => {
      sees(bytes)
      upstream.write(bytes)
    })
    upstream.on("data", (bytes) => {
      if (!swallowing) {
        client.write(bytes)
        return
      }
      swallowed++
      if (then === "close") client.destroy()
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on("error", () => {})
      one.on("close", () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the proxy has no port")
  return {
    port: address.port,
    swallowed: () => swallowed,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** Reads a client's side of the protocol and tells of each COMMIT, be it a query or a statement prepared before. */
const commitSpotter = (spotted: () => void): ((bytes: Buffer) => void) => {
  let rest = Buffer.alloc(0)
  let started = false
  const prepared = new Set<string>()
  const read = (type: string, body: Buffer): void => {
    const [first = "", second = ""] = body.toString("latin1").split("\0")
    if (type === "Q" && /^commit\b/i.test(first)) spotted()
    if (type === "P" && /^commit\b/i.test(second)) prepared.add(first)
    if (type === "B" && prepared.has(second)) spotted() // Bind names its portal first
  }
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    for (;;) {
      const head = started ? 1 : 0 // the first message of a connection has no type
      if (rest.length < head + 4) return
      const length = head + rest.readInt32BE(head)
      if (rest.length < length) return
      if (started) read(String.fromCharCode(rest[0] ?? 0), rest.subarray(5, length))
      started = true
      rest = rest.subarray(length)
    }
  }
}
