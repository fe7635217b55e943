import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, expect, test } from "vitest"
import { endpoint } from "../../src/config/endpoint.ts"
import { createExchange, type Exchange, type ExchangeOptions } from "../../src/net/exchange.ts"
import type { OutgoingCall } from "../../src/net/outgoing-call.ts"
import { type OddServer, startOddServer } from "./odd-server.ts"

let server: OddServer | null = null
afterEach(() => server?.close())

const given = async (
  answer: Parameters<typeof startOddServer>[0],
  options: Partial<ExchangeOptions> = {},
): Promise<{ readonly ask: (timeout_ms?: number) => Promise<string>; readonly exchange: Exchange }> => {
  server = await startOddServer(answer)
  const url = new URL(server.url)
  const exchange = createExchange({ name: "EVM node", endpoint: endpoint(server.url), ...options })
  return {
    exchange,
    ask: (timeout_ms) =>
      exchange.ask(
        { method: "GET", url, headers: {} },
        { accept: (status) => status === 200, read: ({ text }) => text, timeout_ms },
      ),
  }
}

test("waits as long as it is told for a call that works before it answers", async () => {
  const late_ms = 100
  const { ask } = await given(({ response }) => void sleep(late_ms).then(() => response.end("done")), {
    headers_timeout_ms: late_ms / 2,
  })
  expect(await ask(60_000)).toBe("done")
  await expect(ask()).rejects.toThrow(`did not begin to answer within ${late_ms / 2} ms`)
})

test("sends nothing to another host, whatever it is asked for", async () => {
  const { exchange } = await given(({ response }) => response.end("secret"))
  const ask = async (url: string) =>
    exchange.ask(
      { method: "GET", url: new URL(url), headers: {} },
      { accept: () => true, read: ({ text }) => text },
    )
  for (const url of ["http://127.0.0.1:1/", "https://node.example/", `http://localhost:${server?.port}/`])
    await expect(ask(url)).rejects.toThrow("does not go out through this client")
  expect(server?.requests).toEqual([])
})

test("tells of each call under a label, and of those for which there was no place", async () => {
  const calls: OutgoingCall[] = []
  const held = Promise.withResolvers<() => void>()
  const { ask } = await given(({ response }) => held.resolve(() => response.end("1")), {
    concurrency_max: 1,
    queue_max: 0,
    onCall: (call) => calls.push(call),
  })
  const first = ask()
  await expect(ask()).rejects.toThrow("1 requests are under way and 0 wait already")
  const end = await held.promise
  end()
  await first
  expect(calls).toEqual([
    { source: "evm-node", outcome: "busy", took_ms: 0 },
    { source: "evm-node", outcome: "answered", took_ms: expect.any(Number) },
  ])
})
