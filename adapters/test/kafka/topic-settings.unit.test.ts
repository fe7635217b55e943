import { createServer, type Server, type Socket } from "node:net"
import { secret } from "@landfall/adapters/config/secret"
import { readTopicSettings, SettingsNotAsked } from "@landfall/adapters/kafka/topic-settings"
import { expect, it, onTestFinished } from "vitest"

/** Something that listens where a broker should, and does this with whoever connects. */
const givenBroker = async (answer: (socket: Socket) => void): Promise<{ readonly brokers: string }> => {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    answer(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("it does not listen")
  return { brokers: `127.0.0.1:${address.port}` }
}

const ask = ({ brokers }: { readonly brokers: string }, timeoutMs: number) =>
  readTopicSettings({ brokers, clientId: "test" }, ["ops.alert"], timeoutMs)

const length = (bytes: number): Buffer => {
  const head = Buffer.alloc(4)
  head.writeInt32BE(bytes)
  return head
}

it("gives an answer up that comes drop by drop", async () => {
  let drops = 0
  const broker = await givenBroker((socket) => {
    socket.write(length(100_000))
    const drip = setInterval(() => {
      drops++
      socket.write(Buffer.of(0))
    }, 5)
    socket.once("close", () => clearInterval(drip))
  })
  await expect(ask(broker, 300)).rejects.toThrow(/no answer within 300 ms/)
  expect(drops).toBeGreaterThan(1)
})

it("gives up one that is longer than an answer can be, that breaks off, or that is none", async () => {
  const long = await givenBroker((socket) => socket.write(length(2 ** 30)))
  await expect(ask(long, 60_000)).rejects.toThrow(/what came is no answer of Kafka/)
  const broken = await givenBroker((socket) => socket.end(length(1_000)))
  await expect(ask(broken, 60_000)).rejects.toThrow(/closed the connection without an answer/)
  const nonsense = await givenBroker((socket) =>
    socket.write(Buffer.concat([length(40), Buffer.alloc(40, 0x7f)])),
  )
  await expect(ask(nonsense, 60_000)).rejects.toThrow(/asking 127\.0\.0\.1:\d+ for the settings of topics/)
})

it("asks the next broker when one does not answer, and none where a user is needed", async () => {
  const silent = await givenBroker(() => {})
  const empty = await givenBroker((socket) =>
    socket.write(Buffer.concat([length(12), Buffer.alloc(4), Buffer.alloc(8)])),
  )
  expect(await ask({ brokers: `${silent.brokers},${empty.brokers}` }, 300)).toEqual(new Map())
  const user = { name: "auditor", password: secret("never asked for"), mechanism: "SCRAM-SHA-512" }
  const security = { protocol: "sasl_plaintext", user, ca: null, certificate: null, key: null } as const
  await expect(
    readTopicSettings({ ...empty, clientId: "test", security }, ["ops.alert"]),
  ).rejects.toBeInstanceOf(SettingsNotAsked)
})
