import { mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"

/** Ports from `first` up to, not including, `end`. */
export interface PortRange {
  readonly first: number
  readonly end: number
}

/** The ports below those that the system hands to outgoing connections, which would take one while its server restarts. */
const range: PortRange = { first: 10_000, end: firstOutgoingPort() }
/**
 * A reservation is a link that names its holder's process id: processes that start parts side by side see each other's.
 * A link, because it is there with its content or not at all.
 */
const folder = join(tmpdir(), `landfall-ports-${userInfo().uid}`)
const held = new Set<number>()

/** Reserves `count` different TCP ports at 127.0.0.1 for this process until it ends; nothing listens on them now. */
export async function freePorts(count: number, { first, end } = range): Promise<readonly number[]> {
  mkdirSync(folder, { recursive: true })
  const ports: number[] = []
  const room = end - first
  const start = Math.floor(Math.random() * room)
  for (let step = 0; step < room && ports.length < count; step++) {
    const port = first + ((start + step) % room)
    if (reserve(port)) {
      if (await isFree(port)) ports.push(port)
      else release(port)
    }
  }
  if (ports.length < count) throw new Error(`no ${count} free ports between ${first} and ${end} on 127.0.0.1`)
  return ports
}

/** Reserves one TCP port at 127.0.0.1 for this process until it ends; nothing listens on it now. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error("no free port on 127.0.0.1: too many are in use")
  return port
}

function reserve(port: number): boolean {
  if (write(port)) return true
  if (isAlive(Number(read(port)))) return false
  // The holder ended without a word. Whoever makes the next link has the port.
  release(port)
  return write(port)
}

function write(port: number): boolean {
  try {
    symlinkSync(String(process.pid), join(folder, String(port)))
  } catch {
    return false
  }
  if (held.size === 0) process.once("exit", () => held.forEach(release))
  held.add(port)
  return true
}

function read(port: number): string {
  try {
    return readlinkSync(join(folder, String(port)))
  } catch {
    return ""
  }
}

function release(port: number): void {
  rmSync(join(folder, String(port)), { force: true })
  held.delete(port)
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })
}

function firstOutgoingPort(): number {
  try {
    const [low] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/)
    return Math.max(Number(low), 11_000)
  } catch {
    return 32_768
  }
}
