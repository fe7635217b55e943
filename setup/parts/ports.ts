import { createServer, type Server } from "node:net"

/** Finds `count` different TCP ports that nothing listens on at 127.0.0.1. */
export async function freePorts(count: number): Promise<readonly number[]> {
  // All are held open together, so that the same port is never handed out twice.
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere))
  const ports = servers.map(portOf)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Finds one TCP port that nothing listens on at 127.0.0.1. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error("no free port on 127.0.0.1: too many are in use")
  return port
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("a listening server has no TCP port")
  return address.port
}
