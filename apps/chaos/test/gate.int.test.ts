import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { freePort } from "@landfall/setup/parts/ports"
import { expect, it, onTestFinished } from "vitest"
import { openGate } from "../src/gate.ts"

/** What the part behind the gate says to whoever comes to the port, or that nobody may come. */
const ask = async (port: number): Promise<string> => {
  const socket = connect(port, "127.0.0.1")
  try {
    const [said] = await once(socket, "data")
    return String(said)
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error)
  } finally {
    socket.destroy()
  }
}

it("a gate lets through until it is shut, ends who is there, and lets through again", async () => {
  const part = createServer((socket) => void socket.on("error", () => {}).write("here"))
  part.listen(0, "127.0.0.1")
  await once(part, "listening")
  onTestFinished(() => void part.close())
  const gate = await openGate(await freePort(), (part.address() as AddressInfo).port)
  onTestFinished(() => gate.shut())
  expect(await ask(gate.port)).toBe("here")

  const inside = connect(gate.port, "127.0.0.1")
  await once(inside, "data")
  const ended = once(inside, "close")
  await gate.shut()
  await ended
  expect(await ask(gate.port)).toBe("ECONNREFUSED")

  await gate.open()
  expect(await ask(gate.port)).toBe("here")
})
