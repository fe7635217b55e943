import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { afterEach, expect, test } from "vitest"
import { secret } from "../../src/config/secret.ts"
import type { Tokens } from "../../src/http/authorize.ts"
import { isLoopback } from "../../src/http/bind.ts"
import { type Running, StartRefused, start } from "../../src/http/start.ts"
import { control, givenService, read } from "./given-service.ts"

const running: Running[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()))
})

const listen = async (...given: Parameters<typeof givenService>) => {
  const { service, commands } = await givenService(...given)
  const started = await start(service)
  running.push(started)
  return { ...started, commands }
}

/** What comes back for bytes on a socket, until the service closes it. */
const exchange = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes))
    let answer = ""
    socket.setEncoding("utf8").on("data", (chunk) => {
      answer += chunk
    })
    socket.on("close", () => resolve(answer)).on("error", reject)
  })

const host = "host: 127.0.0.1\r\n"

test.each([
  ["0.0.0.0", { control: null, read: null }, "a control token and a read token"],
  ["0.0.0.0", { control: secret(control), read: null }, "a read token"],
  ["::", { control: null, read: secret(read) }, "a control token"],
  ["192.0.2.1", { control: null, read: null }, "a control token and a read token"],
  ["127.0.0.1.example.org", { control: null, read: null }, "a control token and a read token"],
  ["", { control: null, read: null }, "a control token and a read token"],
] satisfies Array<[string, Tokens, string]>)(
  "refuses to listen on %j without the tokens",
  async (address, tokens, missing) => {
    const { service } = await givenService({ tokens })
    const refused = start(service, { host: address, port: 0 })
    await expect(refused).rejects.toThrow(StartRefused)
    await expect(refused).rejects.toThrow(`needs ${missing}. Configure the tokens, or listen on 127.0.0.1.`)
    expect(service.app.server.listening).toBe(false)
  },
)

test("listens beyond loopback with both tokens, and then reads nothing out to strangers", async () => {
  const { port } = await listen({
    bind: { host: "0.0.0.0", port: 0 },
    tokens: { control: secret(control), read: secret(read) },
  })
  const status = async (headers: Record<string, string>) =>
    (await fetch(`http://127.0.0.1:${port}/state`, { headers })).status
  expect(await status({})).toBe(401)
  expect(await status({ authorization: `Bearer ${read}` })).toBe(200)
})

test.each([
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
  ["localhost.example", false],
  ["127.0.0.1x", false],
])("knows whether %s is this machine alone", (address, own) => {
  expect(isLoopback(address)).toBe(own)
})

test("says what to do when the port is taken", async () => {
  const { port } = await listen()
  const { service } = await givenService()
  await expect(start(service, { host: "127.0.0.1", port })).rejects.toThrow(/EADDRINUSE.*another instance/)
})

test("serves over a real socket, and stops", async () => {
  const { url, stop } = await listen()
  expect(await (await fetch(`${url}/health/live`)).json()).toEqual({ live: true })
  await stop()
  await expect(fetch(`${url}/health/live`)).rejects.toThrow()
})

test("refuses a command without a token before its body has come", async () => {
  const { port, commands } = await listen()
  const answer = await exchange(
    port,
    `POST /pause-funding-observer HTTP/1.1\r\n${host}content-type: application/json\r\ncontent-length: 60000\r\n\r\n{`,
  )
  expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  expect(commands).toEqual([])
})

test.each([
  ["the right one first", [control, "wrong-token-0123456789"]],
  ["the right one last", ["wrong-token-0123456789", control]],
  ["the right one twice", [control, control]],
  ["the read token beside it", [read, control]],
])("takes no command with two Authorization headers, %s", async (_what, tokens) => {
  const { port, commands } = await listen({ tokens: { control: secret(control), read: secret(read) } })
  const headers = tokens.map(
    (token, at) => `${at === 0 ? "authorization" : "AUTHORIZATION"}: Bearer ${token}\r\n`,
  )
  for (const request of ["POST /pause-funding-observer", "GET /state"]) {
    const answer = await exchange(
      port,
      `${request} HTTP/1.1\r\n${host}${headers.join("")}connection: close\r\ncontent-length: 0\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  }
  expect(commands).toEqual([])
})

test("drops connections beyond so many, and serves those that it has", async () => {
  const { port } = await listen({ limits: { connections_max: 2 } })
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket))
      socket.on("error", reject)
    })
  const [first, second] = [await open(), await open()]
  expect(await exchange(port, "")).toBe("")
  for (const socket of [first, second]) {
    const answered = once(socket, "data")
    socket.write(`GET /health/live HTTP/1.1\r\n${host}\r\n`)
    expect(String(await answered)).toMatch(/^HTTP\/1\.1 200 /)
    socket.destroy()
  }
})

test("is not talked out of the read token by the writing of a path", async () => {
  const { port } = await listen({ tokens: { control: secret(control), read: secret(read) } })
  for (const path of [
    "/docs/../state",
    "/docs/%2e%2e/state",
    "/docs//../state",
    "//docs/../state",
    "http://x/docs/../state",
  ]) {
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\n${host}connection: close\r\n\r\n`)
    expect([path, answer.slice(0, 12)]).toEqual([path, "HTTP/1.1 401"])
  }
  for (const path of [
    "/docs/static/../../state",
    "/docs/static/..%2f..%2f..%2fpackage.json",
    "/docs/static/%2e%2e/index.js",
  ]) {
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\n${host}connection: close\r\n\r\n`)
    expect([path, answer.slice(0, 10)]).toEqual([path, "HTTP/1.1 4"])
    expect(answer).toContain('{"error":{"code":')
  }
})

test("does nothing for requests that try to be two", async () => {
  const { port, commands } = await listen()
  const smuggled = "POST /pause-funding-observer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"
  const answers = await Promise.all([
    exchange(
      port,
      `GET /state HTTP/1.1\r\n${host}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ),
    exchange(
      port,
      `GET /state HTTP/1.1\r\n${host}content-length: 0\r\ncontent-length: 90\r\n\r\n${smuggled}`,
    ),
    exchange(port, `GET /state HTTP/1.1\r\n${host}\r\n${smuggled}`),
  ])
  expect(answers.map((answer) => answer.slice(0, 12))).toEqual([
    "HTTP/1.1 400",
    "HTTP/1.1 400",
    "HTTP/1.1 200",
  ])
  expect(commands).toEqual([])
})

test.each([
  [
    "headers that are too long",
    `GET /state HTTP/1.1\r\n${host}x: ${"y".repeat(20_000)}\r\n\r\n`,
    "431",
    "headers_too_large",
  ],
  ["what is not HTTP", "hello\r\n\r\n", "400", "bad_request"],
  ["no host", "GET /state HTTP/1.1\r\n\r\n", "400", null],
])("answers %s with an error and closes", async (_name, bytes, status, code) => {
  const { port } = await listen()
  const answer = await exchange(port, bytes)
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  if (code !== null) expect(answer).toContain(`{"error":{"code":"${code}",`)
})

test("does not wait for headers or a body that drip", async () => {
  const { port } = await listen({
    limits: { headers_timeout_ms: 100, request_timeout_ms: 200, timeout_check_interval_ms: 50 },
  })
  const [headers, body] = await Promise.all([
    exchange(port, "GET /state HTTP/1.1\r\nhost: localhost\r\nx: "),
    exchange(
      port,
      `POST /pause-funding-observer HTTP/1.1\r\n${host}authorization: Bearer ${control}\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{`,
    ),
  ])
  expect(headers).toMatch(/^HTTP\/1\.1 408 .*"timeout"/s)
  expect(body).toMatch(/^HTTP\/1\.1 408 .*"timeout"/s)
})

test("lets a request that is under way end before it stops", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: answer, resolve: give } = Promise.withResolvers<object>()
  const { url, stop } = await listen({
    state: () => {
      begin()
      return answer
    },
  })
  const asked = fetch(`${url}/state`)
  await begun
  const stopped = stop()
  give({ rows: 3 })
  expect(await (await asked).json()).toMatchObject({ rows: 3 })
  await stopped
})
