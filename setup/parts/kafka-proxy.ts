import { connect, createServer, type Socket } from "node:net"
import { freePort } from "./ports.ts"

/** What becomes of a request. */
export type Fate =
  | "answer lost, connection closed" // the broker does it, and the client sees its connection break
  | "answer lost in silence" // the broker does it, and the client hears nothing of it
  | "request held" // the broker gets it when it is let go, whether the client still waits or not

/** Requests that can be spoilt, by Kafka's names: how a producer commits or aborts, and how it takes its transactional id. */
const apis = { EndTxn: 26, InitProducerId: 22 } as const

/** A TCP proxy in front of a broker, which advertises the proxy's address, that can spoil the ends of transactions. */
export interface KafkaProxy {
  /** Clients connect here. */
  readonly port: number
  /** Spoils the next request of that kind, of any client or of the one with that id; resolves when it has met one. */
  readonly spoil: (fate: Fate, api?: keyof typeof apis, clientId?: string) => Promise<void>
  /** How many requests it has spoilt. */
  readonly spoilt: () => number
  /** Sends the requests that were held to the broker, and resolves when it has answered all of them or its connection broke. */
  readonly letGo: () => Promise<void>
  /** Breaks every connection and takes no new ones, until `heal`. */
  readonly cut: () => void
  /** Takes connections again, and spoils nothing more that was not met yet. */
  readonly heal: () => void
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly fate: Fate
  readonly api: number
  readonly clientId: string | undefined
  readonly met: () => void
}

/** Starts a proxy to the broker's port on 127.0.0.1; nothing need listen there yet. */
export const startKafkaProxy = async (upstreamPort: number): Promise<KafkaProxy> => {
  const port = await freePort()
  const sockets = new Set<Socket>()
  const waiting: Waiting[] = []
  const held: Array<() => Promise<void>> = []
  let spoilt = 0
  let isCut = false

  const server = createServer((client) => {
    if (isCut) return void client.destroy()
    const upstream = connect({ port: upstreamPort, host: "127.0.0.1", noDelay: true })
    client.setNoDelay(true)
    /** What is done with an answer, by its correlation id, instead of handing it on. */
    const instead = new Map<number, (answer: Buffer) => void>()
    let holding = 0

    const hold = (frame: Buffer, id: number): void => {
      holding++
      held.push(async () => {
        if (upstream.destroyed) return
        const answered = Promise.withResolvers<void>()
        upstream.once("close", answered.resolve)
        instead.set(id, (answer) => {
          holding--
          if (client.destroyed) upstream.destroy()
          else client.write(answer)
          answered.resolve()
        })
        upstream.write(frame)
        await answered.promise
      })
    }
    const request = (frame: Buffer): void => {
      const api = frame.readInt16BE(4)
      const at = waiting.findIndex(
        (one) => one.api === api && [undefined, clientOf(frame)].includes(one.clientId),
      )
      const [spoiler] = at < 0 ? [] : waiting.splice(at, 1)
      if (spoiler === undefined) return void upstream.write(frame)
      const id = frame.readInt32BE(8)
      spoilt++
      if (spoiler.fate === "request held") hold(frame, id)
      else {
        const breaks = spoiler.fate === "answer lost, connection closed"
        instead.set(id, () => void (breaks && client.destroy()))
        upstream.write(frame)
      }
      spoiler.met()
    }
    const answer = (frame: Buffer): void => {
      const id = frame.readInt32BE(4)
      const otherwise = instead.get(id)
      instead.delete(id)
      if (otherwise === undefined) client.write(frame)
      else otherwise(frame)
    }

    client.on("data", frames(request))
    upstream.on("data", frames(answer))
    client.on("close", () => {
      // What is held can still arrive, as a packet that was long under way.
      if (holding === 0) upstream.destroy()
    })
    upstream.on("close", () => client.destroy())
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", () => {}).on("close", () => sockets.delete(socket))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve)
  })
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    spoil: (fate, api = "EndTxn", clientId) =>
      new Promise((met) => {
        waiting.push({ fate, api: apis[api], clientId, met })
      }),
    spoilt: () => spoilt,
    letGo: async () => {
      await Promise.all(held.splice(0).map((send) => send()))
    },
    cut: () => {
      isCut = true
      breakAll()
    },
    heal: () => {
      isCut = false
      waiting.length = 0
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        breakAll()
      }),
  }
}

/** Who sent a request: its header ends with the client's id. */
const clientOf = (frame: Buffer): string =>
  frame.toString("utf8", 14, 14 + Math.max(0, frame.readInt16BE(12)))

/** Hands on whole frames of Kafka's protocol, each with the four bytes of its size in front. */
const frames = (each: (frame: Buffer) => void): ((bytes: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const length = 4 + rest.readInt32BE(0)
      each(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  }
}
