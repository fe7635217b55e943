import { gzipSync } from "node:zlib"
import { afterEach, describe, expect, test } from "vitest"
import type { OutgoingCall } from "../../src/net/outgoing-call.ts"
import { createSource } from "../../src/polling/source.ts"
import { type Bounds, questions } from "./every-adapter.ts"
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

const bounds: Bounds = { total_timeout_ms: 20_000, bytes_max: 200_000 }
/** Only who is to run out of time is impatient: a right answer may be slow on a busy machine. */
const impatient: Bounds = { ...bounds, total_timeout_ms: 150 }
const text =
  (body: string, status = 200, type = "application/json") =>
  ({ response }: Exchange) => {
    response.writeHead(status, { "content-type": type }).end(body)
  }
const page = "<html><head><title>502 Bad Gateway</title></head></html>"

const drip = ({ response, closed }: Exchange): void => {
  response.writeHead(200, { "content-type": "application/json" })
  const timer = setInterval(() => response.write(" "), 10)
  closed.then(() => clearInterval(timer))
}

const pour = ({ response }: Exchange): void => {
  const fill = (): void => {
    while (response.write("[".padEnd(65_536, " ")));
    response.once("drain", fill)
  }
  fill()
}

/** Ten million blanks, in ten thousand bytes. */
const bomb = ({ response }: Exchange): void => {
  response
    .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
    .end(gzipSync(Buffer.alloc(10_000_000, " ")))
}

const manyHeaders = ({ socket }: Exchange): void => {
  socket.write(`HTTP/1.1 200 OK\r\n${`x: ${"y".repeat(1_000)}\r\n`.repeat(100)}\r\n{}`)
}

/** What an answer can be, what is said of it, and its outcome in the metrics. */
const odd: ReadonlyArray<readonly [string, (exchange: Exchange) => void, RegExp, string]> = [
  ["a reset connection", ({ socket }) => socket.resetAndDestroy(), /the connection broke/, "broken"],
  ["another protocol", ({ socket }) => socket.end("220 mail.example\r\n"), /the connection broke/, "broken"],
  [
    "fewer bytes than promised",
    ({ socket }) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}"),
    /the connection broke/,
    "broken",
  ],
  ["no answer", () => {}, /not answered completely within 150 ms/, "timeout"],
  ["one byte at a time", drip, /not answered completely within 150 ms/, "timeout"],
  ["an endless answer", pour, /more than 200000 bytes/, "too_large"],
  ["much in little", bomb, /more than 200000 bytes/, "too_large"],
  ["headers without end", manyHeaders, /the connection broke/, "broken"],
  ["deep nesting", text("[".repeat(70).padEnd(140, "]")), /nests 70 deep/, "too_deep"],
  ["a gateway's page", text(page, 200, "text/html"), /not JSON, beginning "<html>/, "not_json"],
  ["half an answer", text('{"result":{"deposits":[{"amount":12'), /not JSON/, "not_json"],
  ["nothing at all", text(""), /not JSON/, "not_json"],
  ["a failing gateway", text(page, 502, "text/html"), /answered 502/, "status"],
  ["too many requests", text("slow down", 429), /answered 429.*slow down/, "status"],
  ["a refused password", text("no", 401), /answered 401/, "status"],
]

const beyond = "9007199254740993"

describe.each(questions)("$name", ({ ask, source, answer, right, concurrency_max = 8 }) => {
  test.each(odd)("says so when it gets %s", async (_what, oddly, words, outcome) => {
    const server = await serve(oddly)
    const calls: OutgoingCall[] = []
    const patience = outcome === "timeout" ? impatient : bounds
    const question = ask(server.url, { ...patience, onCall: (call) => calls.push(call) })
    await expect(question()).rejects.toThrow(words)
    expect(calls).toEqual([{ source, outcome, took_ms: expect.any(Number) }])
  })

  test("says so when nothing listens", async () => {
    const server = await serve(() => {})
    await server.close()
    const calls: OutgoingCall[] = []
    const question = ask(server.url, { ...bounds, onCall: (call) => calls.push(call) })
    await expect(question()).rejects.toThrow(/nothing listens there; is it running/)
    expect(calls).toMatchObject([{ source, outcome: "refused" }])
  })

  test.each([301, 302, 303, 307, 308])("never follows a redirect (%i)", async (status) => {
    const elsewhere = await serve(text("{}"))
    const server = await serve(({ response }) =>
      response.writeHead(status, { location: elsewhere.url }).end(),
    )
    await expect(ask(server.url, bounds)()).rejects.toThrow(/a redirect, which is never followed/)
    expect(elsewhere.requests).toEqual([])
  })

  test.each([
    "null",
    "7",
    '"text"',
    "{}",
    "[7]",
    '{"result":7,"error":null,"id":1}',
    '[{"id":0,"result":7,"error":null}]',
    '{"result":{"deposits":"none","address":7,"tokens":"none"},"error":null}',
    '{"__proto__":{"result":[]}}',
    answer(beyond, ""),
  ])("makes nothing of %s", async (body) => {
    const server = await serve(text(body))
    await expect(ask(server.url, bounds)()).rejects.toBeInstanceOf(Error)
  })

  test("is down while answers are odd, keeps what it knew, and is right again after each", async () => {
    const sound = (exchange: Exchange): void => text(answer(right, exchange.body))(exchange)
    let now: (exchange: Exchange) => void = sound
    const server = await serve((exchange) => now(exchange))
    const source = createSource<unknown>({ name: "outside", now: () => 0, fresh_ms_max: 1 })
    const patiently = ask(server.url, bounds)
    const impatiently = ask(server.url, impatient)
    const known = await source.ask(patiently)
    const wrongType = ["a wrong type", text(answer(beyond, "")), /./, "answered"] as const
    for (const [what, oddly, words, outcome] of [...odd, wrongType]) {
      now = oddly
      await source.ask(outcome === "timeout" ? impatiently : patiently).catch(() => {})
      expect([what, source.health()]).toMatchObject([what, { state: "down", failures: 1 }])
      expect(source.health().last_error).toMatch(words)
      expect(source.last()).toEqual(known)
      now = sound
      expect(await source.ask(patiently)).toEqual(known)
      expect(source.health()).toMatchObject({ state: "ok", failures: 0 })
    }
  })

  test("shows nobody its password, key or path, even when the answer repeats them", async () => {
    const server = await serve(({ request, response }) => {
      const given = request.headers.authorization ?? ""
      const decoded = Buffer.from(given.replace("Basic ", ""), "base64").toString("utf8")
      response.writeHead(401).end(`${given} ${decoded} ${request.url}`)
    })
    const url = `${server.url.replace("//", "//desk:canary-password@")}/v2/canary-key-of-the-desk?key=canary-query-key`
    const failure = await ask(url, bounds)().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    const everything = [failure, failure instanceof Error ? failure.cause : null]
      .map((error) => (error instanceof Error ? `${error.stack}${JSON.stringify(error)}` : ""))
      .join()
    expect(everything).toContain("127.0.0.1")
    expect(everything).not.toMatch(/canary/)
    expect(everything).not.toContain(btoa("desk:canary-password"))
  })

  test("asks so many times at once and no more", async () => {
    const held: Exchange[] = []
    const reached = Promise.withResolvers<void>()
    const marked = Promise.withResolvers<void>()
    const server = await serve((exchange) => {
      if (exchange.request.url === "/marker") return marked.resolve()
      if (held.push(exchange) === concurrency_max) reached.resolve()
      if (held.length > concurrency_max) exchange.response.end("[")
    })
    const question = ask(server.url, bounds)
    const all = Array.from({ length: 3 * concurrency_max }, () => question().catch(() => {}))
    await reached.promise
    // Whatever else was sent beside them has come before this.
    const marker = fetch(`${server.url}/marker`).catch(() => {})
    await marked.promise
    expect(held).toHaveLength(concurrency_max)
    for (const { response } of held.slice()) response.end("[")
    await Promise.all(all)
    expect(held).toHaveLength(3 * concurrency_max)
    await server.close()
    await marker
  })
})
