import { afterEach, expect, test } from "vitest"
import { endpoint } from "../../src/config/endpoint.ts"
import { secret } from "../../src/config/secret.ts"
import { createJsonClient, type JsonClientOptions } from "../../src/net/json-client.ts"
import { RequestFailed } from "../../src/net/request-failed.ts"
import { type Exchange, type OddServer, startOddServer } from "./odd-server.ts"

const servers: OddServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const serve = async (answer: (exchange: Exchange) => void): Promise<OddServer> => {
  const server = await startOddServer(answer)
  servers.push(server)
  return server
}

const clientOf = (server: OddServer, options: Partial<JsonClientOptions> = {}) =>
  createJsonClient({ name: "bridge", endpoint: endpoint(server.url), ...options })

const failureOf = async (request: Promise<unknown>): Promise<RequestFailed> => {
  const outcome = await request.then(
    (value) => value,
    (error: unknown) => error,
  )
  if (outcome instanceof RequestFailed) return outcome
  throw new Error(`expected a RequestFailed, got ${String(outcome)}`)
}

const json = (text: string) => (exchange: Exchange) => {
  exchange.response.writeHead(200, { "content-type": "application/json" }).end(text)
}

test("posts JSON and reads JSON", async () => {
  const server = await serve(json('{"ok":true}'))
  expect(await clientOf(server).post("/rpc", { method: "recent_deposits" })).toEqual({ ok: true })
  expect(server.requests).toMatchObject([
    { method: "POST", url: "/rpc", body: '{"method":"recent_deposits"}', authorization: undefined },
  ])
})

test("keeps every digit of numbers beyond 2^53, both ways", async () => {
  const server = await serve(({ body, response }) => response.end(body))
  const amounts = [1_000_000_000_000_000_000_001n, 9_007_199_254_740_993n, 12, -5n]
  expect(await clientOf(server).post("/", amounts)).toEqual([
    1_000_000_000_000_000_000_001n,
    9_007_199_254_740_993n,
    12,
    -5,
  ])
})

test("stays below the configured address, whatever the path says", async () => {
  const server = await serve(json("{}"))
  const client = createJsonClient({ name: "explorer", endpoint: endpoint(`${server.url}/api/v1/?key=k1`) })
  await client.get("//evil.example/x")
  await client.get("blocks/tip", { from: "a&b" })
  expect(server.requests.map(({ url }) => url)).toEqual([
    "/api/v1//evil.example/x?key=k1",
    "/api/v1/blocks/tip?key=k1&from=a%26b",
  ])
})

test.each(["..", "/../admin", "/address/../txs", "/a/%2E%2e/b", "/a\\..\\b", "/a/.%2e", "./x"])(
  "sends nothing to a path that would lead elsewhere: %j",
  async (path) => {
    const server = await serve(json("{}"))
    const client = createJsonClient({ name: "explorer", endpoint: endpoint(`${server.url}/api/v1`) })
    expect((await failureOf(client.get(path))).message).toContain("would leave the configured path")
    expect((await failureOf(client.post(path, {}))).reason).toBe("refused")
    expect(server.requests).toEqual([])
  },
)

test("sends the credentials of the address, and shows them nowhere", async () => {
  const server = await serve(({ request, response }) =>
    response.writeHead(403).end(`no: ${request.headers.authorization} pa:ss-word`),
  )
  const address = endpoint(`http://desk:pa%3Ass-word@127.0.0.1:${server.port}/secret-path`)
  const error = await failureOf(createJsonClient({ name: "bridge", endpoint: address }).get("/"))
  expect(server.requests[0]?.authorization).toBe(`Basic ${btoa("desk:pa:ss-word")}`)
  expect(error.status).toBe(403)
  const everything = `${error.stack} ${JSON.stringify(error)} ${JSON.stringify(address)} ${address}`
  expect(everything).not.toContain("ss-word")
  expect(everything).not.toContain(btoa("desk:pa:ss-word"))
  expect(everything).not.toContain("secret-path")
})

test("sends a bearer token, and shows it nowhere", async () => {
  const server = await serve(({ request, response }) =>
    response.writeHead(401).end(request.headers.authorization),
  )
  const error = await failureOf(clientOf(server, { bearer: secret("control-token-01") }).post("/pause", {}))
  expect(server.requests[0]?.authorization).toBe("Bearer control-token-01")
  expect(`${error.stack}${JSON.stringify(error)}`).not.toContain("control-token-01")
})

test("says that nothing listens", async () => {
  const server = await serve(json("{}"))
  await server.close()
  const error = await failureOf(clientOf(server).post("/rpc", {}))
  expect(error.reason).toBe("refused")
  expect(error.message).toBe(`bridge at ${server.url}: nothing listens there; is it running?`)
})

test("gives up on an answer that does not begin", async () => {
  const server = await serve(() => {})
  const error = await failureOf(clientOf(server, { headers_timeout_ms: 50 }).get("/"))
  expect(error).toMatchObject({ reason: "timeout" })
  expect(error.message).toContain("did not begin to answer within 50 ms")
})

test("gives up on an answer that drips, and closes the connection", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const server = await serve((exchange) => {
    exchange.response.writeHead(200)
    const drip = setInterval(() => exchange.response.write(" "), 10)
    exchange.closed.then(() => {
      clearInterval(drip)
      resolve()
    })
  })
  const error = await failureOf(clientOf(server, { total_timeout_ms: 100 }).get("/"))
  expect(error.reason).toBe("timeout")
  expect(error.message).toContain("not answered completely within 100 ms")
  await closed
})

test("stops reading an endless answer at the limit, and closes the connection", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const server = await serve((exchange) => {
    exchange.closed.then(resolve)
    const fill = () => {
      while (exchange.response.write("[".padEnd(65_536, " ")));
      exchange.response.once("drain", fill)
    }
    fill()
  })
  const error = await failureOf(clientOf(server, { bytes_max: 100_000 }).get("/"))
  expect(error).toMatchObject({ reason: "too_large" })
  await closed
})

test("reads an answer of exactly the limit", async () => {
  const server = await serve(json(`"${"a".repeat(98)}"`))
  expect(await clientOf(server, { bytes_max: 100 }).get("/")).toBe("a".repeat(98))
  expect((await failureOf(clientOf(server, { bytes_max: 99 }).get("/"))).reason).toBe("too_large")
})

test("shows the beginning of HTML, escaped", async () => {
  const server = await serve(json(`<html>\u001b[31m\u202e${"x".repeat(500)}`))
  const error = await failureOf(clientOf(server).get("/"))
  expect(error.reason).toBe("not_json")
  expect(error.excerpt).toMatch(/^<html>\\u001b\[31m\\u202ex+$/)
  expect(error.excerpt?.length).toBeLessThan(220)
})

test.each([
  ["an empty answer", ""],
  ["an answer that was cut inside", '{"result":{"deposits":[{"amount":12'],
  ["a byte order mark and nothing", "\ufeff"],
  ["two values", "{}{}"],
  ["contradicting keys", '{"amount":1,"amount":2}'],
])("refuses %s", async (_name, text) => {
  const server = await serve(json(text))
  expect((await failureOf(clientOf(server).get("/"))).reason).toBe("not_json")
})

test("says that the connection broke when fewer bytes come than were promised", async () => {
  const server = await serve(({ socket }) => {
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}")
  })
  expect(await failureOf(clientOf(server).get("/"))).toMatchObject({ reason: "broken" })
})

test("says that the connection broke when it is reset, or speaks something else", async () => {
  const reset = await serve(({ socket }) => socket.resetAndDestroy())
  expect((await failureOf(clientOf(reset).get("/"))).reason).toBe("broken")
  const other = await serve(({ socket }) => socket.end("220 mail.example ESMTP\r\n"))
  expect((await failureOf(clientOf(other).get("/"))).reason).toBe("broken")
})

test.each([500, 503, 429, 404, 401])("says which status came: %i", async (status) => {
  const server = await serve(({ response }) => response.writeHead(status).end("Work queue depth exceeded"))
  const error = await failureOf(clientOf(server).get("/"))
  expect(error).toMatchObject({ reason: "status", status, excerpt: "Work queue depth exceeded" })
})

test("reads the body of a status that was declared an answer", async () => {
  const server = await serve(({ response }) => response.writeHead(500).end('{"error":"no such method"}'))
  const client = clientOf(server, { accept: (status) => status === 200 || status === 500 })
  expect(await client.post("/", {})).toEqual({ error: "no such method" })
})

test.each([301, 302, 307, 308])("never follows a redirect (%i)", async (status) => {
  const elsewhere = await serve(json("{}"))
  const server = await serve(({ response }) => response.writeHead(status, { location: elsewhere.url }).end())
  const error = await failureOf(clientOf(server).post("/", { amount: 1 }))
  expect(error).toMatchObject({ reason: "redirected", status })
  expect(elsewhere.requests).toEqual([])
})

test("closes the connection of an answer that it does not want to read", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const server = await serve((exchange) => {
    exchange.closed.then(resolve)
    exchange.response.writeHead(302, { location: "/" }).write("this answer never ends")
  })
  expect((await failureOf(clientOf(server).get("/"))).reason).toBe("redirected")
  await closed
})

test("refuses deep nesting before it parses", async () => {
  const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`
  const server = await serve(({ request, response }) => response.end(deep(Number(request.url?.slice(1)))))
  expect((await failureOf(clientOf(server).get("/100000"))).reason).toBe("too_deep")
  expect((await failureOf(clientOf(server).get("/65"))).reason).toBe("too_deep")
  await expect(clientOf(server).get("/64")).resolves.toBeDefined()
})

test("does not take a prototype from an answer", async () => {
  const server = await serve(json('{"__proto__":{"credited":true},"a":1}'))
  const answer = await clientOf(server).get("/")
  expect(Object.getPrototypeOf(answer)).toBe(Object.prototype)
  expect((answer as { credited?: unknown }).credited).toBeUndefined()
})

test("stops when the caller gives up", async () => {
  const give_up = new AbortController()
  const server = await serve(() => give_up.abort(new Error("the service stops")))
  const error = await failureOf(clientOf(server).get("/", {}, { signal: give_up.signal }))
  expect(error).toMatchObject({ reason: "aborted" })
})

test("asks a bounded number of times at once, and refuses what would wait in too long a queue", async () => {
  const open: Exchange[] = []
  const { promise: two, resolve } = Promise.withResolvers<void>()
  const server = await serve((exchange) => {
    if (open.push(exchange) === 2) resolve()
  })
  const client = clientOf(server, { concurrency_max: 2, queue_max: 1 })
  const answers = [client.get("/1"), client.get("/2"), client.get("/3")]
  expect((await failureOf(client.get("/4"))).reason).toBe("busy")
  await two
  expect(server.requests.length).toBe(2)
  open[0]?.response.end("1")
  await answers[0]
  while (open.length < 3) await new Promise((done) => setImmediate(done))
  for (const { response } of open.slice(1)) response.end("2")
  expect(await Promise.all(answers)).toEqual([1, 2, 2])
})

test("refuses an address that is not of the web", () => {
  expect(() => createJsonClient({ name: "bridge", endpoint: endpoint("file:///etc/passwd") })).toThrow(
    "not a web address",
  )
})
