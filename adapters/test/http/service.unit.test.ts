import { Validator } from "@seriousme/openapi-schema-validator"
import { expect, test } from "vitest"
import { secret } from "../../src/config/secret.ts"
import { control, givenService, read } from "./given-service.ts"

const asControl = { authorization: `Bearer ${control}` }

test("shows its state with amounts as text, its time, position and age", async () => {
  const { service } = await givenService()
  const answer = await service.app.inject("/state")
  expect(answer.statusCode).toBe(200)
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8")
  expect(answer.body).toBe(
    '{"as_of":"2026-11-23T09:30:00.000Z","position":{"ops.alert":{"0":12}},"behind_seconds":{"ops.alert":0.5},"credited":"1000000000000000000000"}',
  )
})

test("lets an answer say its own time and position", async () => {
  const { service } = await givenService()
  expect((await service.app.inject("/v1/transfers/old")).json()).toMatchObject({
    as_of: "2026-01-01T00:00:00.000Z",
    position: {},
  })
})

test("lives whatever else is the case", async () => {
  const { service } = await givenService({
    readiness: () => Promise.reject(new Error("no database")),
    state: () => {
      throw new Error("no state")
    },
    limits: { rate_requests_max: 1 },
  })
  for (const _again of [1, 2, 3]) {
    const answer = await service.app.inject("/health/live")
    expect([answer.statusCode, answer.json()]).toEqual([200, { live: true }])
  }
})

test("is ready only when it has caught up, and says what it waits for", async () => {
  let ready = false
  const { service } = await givenService({
    readiness: () => ({ ready, reasons: ready ? [] : ["ops.alert/0 is 12 behind", "PostgreSQL is away"] }),
  })
  const before = await service.app.inject("/health/ready")
  expect([before.statusCode, before.json()]).toEqual([
    503,
    { ready: false, reasons: ["ops.alert/0 is 12 behind", "PostgreSQL is away"] },
  ])
  ready = true
  expect((await service.app.inject("/health/ready")).statusCode).toBe(200)
})

test("is not ready when readiness itself fails", async () => {
  const { service } = await givenService({ readiness: () => Promise.reject(new Error("connection refused")) })
  const answer = await service.app.inject("/health/ready")
  expect([answer.statusCode, answer.json().reasons]).toEqual([
    503,
    ["readiness is unknown: connection refused"],
  ])
})

test("gives the reasons only to who may read", async () => {
  const { service } = await givenService({
    tokens: { control: secret(control), read: secret(read) },
    readiness: () => ({ ready: false, reasons: ["db-1.internal is away"] }),
  })
  const open = await service.app.inject("/health/ready")
  expect([open.statusCode, open.body]).toEqual([503, '{"ready":false}'])
  const allowed = await service.app.inject({
    url: "/health/ready",
    headers: { authorization: `Bearer ${read}` },
  })
  expect(allowed.json().reasons).toEqual(["db-1.internal is away"])
})

test("shows metrics by route, never by path", async () => {
  const { service } = await givenService()
  await service.app.inject("/v1/transfers/abc?x=1")
  await service.app.inject("/nothing/here")
  const answer = await service.app.inject("/metrics")
  expect(answer.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(answer.body).toContain('landfall_build_info{service="history-writer",version="0.1.0"} 1')
  expect(answer.body).toMatch(
    /landfall_http_request_duration_seconds_count\{.*route="\/v1\/transfers\/:transfer_id".*\} 1/,
  )
  expect(answer.body).toMatch(/route="none".*status="404"/)
  expect(answer.body).not.toMatch(/abc|nothing/)
})

test.each([
  ["/v1/transfers?limit=0", "limit", "it is less than 1", "a whole number from 1 to 500"],
  ["/v1/transfers?limit=501", "limit", "it is more than 500", "a whole number from 1 to 500"],
  ["/v1/transfers?limit=1e2", "limit", "it is not a whole number", "a whole number from 1 to 500"],
  ["/v1/transfers?limit=", "limit", "it is not a whole number", "a whole number from 1 to 500"],
  ["/v1/transfers?limit=1&limit=2", "limit", "given more than once", "a whole number from 1 to 500"],
  [
    "/v1/transfers?as_of=yesterday",
    "as_of",
    "not such a time",
    "an RFC 3339 time in UTC such as 2026-11-23T09:30:00.000Z",
  ],
  [
    "/v1/transfers?as_of=2026-02-30T00:00:00Z",
    "as_of",
    "not such a time",
    "an RFC 3339 time in UTC such as 2026-11-23T09:30:00.000Z",
  ],
  ["/v1/transfers?cursor=abc", "cursor", "not a cursor of this list", "a next_cursor that transfers gave"],
  ["/v1/transfers?status=lost", "status", "none of them", "one of seen, confirmed"],
  [
    "/v1/transfers?sort=amount",
    "sort",
    "no such query parameter",
    "limit, cursor, as_of, status, min_confirmations",
  ],
  [
    "/v1/transfers?__proto__=1",
    "__proto__",
    "no such query parameter",
    "limit, cursor, as_of, status, min_confirmations",
  ],
  ["/state?pretty", "pretty", "no such query parameter", "no query parameter"],
])("answers 400 to %s, naming the field and what is accepted", async (url, field, problem, accepted) => {
  const { service } = await givenService()
  const answer = await service.app.inject(url)
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toEqual({
    error: { code: "bad_field", message: expect.stringContaining(problem), field, accepted },
  })
})

test("reads query parameters as their kinds, with defaults", async () => {
  const { service } = await givenService()
  const answer = await service.app.inject("/v1/transfers?limit=7&as_of=2026-11-23T09:30:00.5Z&status=seen")
  expect(answer.json().query).toEqual({
    limit: 7,
    cursor: null,
    as_of: "2026-11-23T09:30:00.500Z",
    status: "seen",
    min_confirmations: 0,
  })
})

test.each([
  ["no JSON", "{", "bad_body"],
  ["an unknown field", '{"chains":"bitcoin"}', "bad_field"],
  ["a wrong value", '{"chain":"dogecoin"}', "bad_field"],
  ["a prototype", '{"__proto__":{"chain":"bitcoin"}}', "bad_body"],
  ["a list", "[]", "bad_field"],
])("refuses a command whose body is %s", async (_name, payload, code) => {
  const { service, commands } = await givenService()
  const headers = { ...asControl, "content-type": "application/json" }
  const answer = await service.app.inject({
    method: "POST",
    url: "/pause-funding-observer",
    headers,
    payload,
  })
  expect(answer.statusCode).toBe(400)
  expect(answer.json().error).toMatchObject({ code, field: expect.any(String), accepted: expect.any(String) })
  expect(commands).toEqual([])
})

test("does a command, with a body, an empty one or none", async () => {
  const { service, commands } = await givenService()
  const command = { method: "POST", url: "/pause-funding-observer" } as const
  const json = { ...asControl, "content-type": "application/json" }
  expect(
    (await service.app.inject({ ...command, headers: json, payload: '{"chain":"bitcoin"}' })).statusCode,
  ).toBe(202)
  expect((await service.app.inject({ ...command, headers: json, payload: "" })).statusCode).toBe(202)
  expect((await service.app.inject({ ...command, headers: asControl })).statusCode).toBe(202)
  expect(commands).toEqual([{ chain: "bitcoin" }, {}, {}])
})

test("answers 409 with the reason when a command does not fit", async () => {
  const { service } = await givenService()
  const headers = { ...asControl, "content-type": "application/json" }
  const answer = await service.app.inject({
    method: "POST",
    url: "/pause-funding-observer",
    headers,
    payload: '{"chain":"gnosis"}',
  })
  expect([answer.statusCode, answer.json()]).toEqual([
    409,
    { error: { code: "conflict", message: "gnosis is paused already" } },
  ])
})

test("answers 413 to a body that is too long and 415 to one that is not JSON", async () => {
  const { service, commands } = await givenService()
  const post = (type: string, payload: string) =>
    service.app.inject({
      method: "POST",
      url: "/pause-funding-observer",
      headers: { ...asControl, "content-type": type },
      payload,
    })
  expect((await post("application/json", `{"chain":"${"x".repeat(65_536)}"}`)).statusCode).toBe(413)
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonx",
  ]) {
    expect((await post(type, '{"chain":"bitcoin"}')).statusCode).toBe(415)
  }
  expect(commands).toEqual([])
})

test("answers 404 to unknown paths and ids, 405 to other methods, 414 to long addresses", async () => {
  const { service } = await givenService()
  const ask = async (method: "GET" | "POST" | "DELETE" | "PUT", url: string) => {
    const answer = await service.app.inject({ method, url, headers: asControl })
    return [answer.statusCode, answer.json().error.code, answer.headers.allow]
  }
  expect(await ask("GET", "/v1/none")).toEqual([404, "not_found", undefined])
  expect(await ask("POST", "/v1/none")).toEqual([404, "not_found", undefined])
  expect(await ask("GET", "/v1/transfers/abc")).toEqual([404, "not_found", undefined])
  expect(await ask("DELETE", "/v1/transfers/abc")).toEqual([405, "method_not_allowed", "GET, HEAD"])
  expect(await ask("POST", "/state")).toEqual([405, "method_not_allowed", "GET, HEAD"])
  expect(await ask("GET", "/pause-funding-observer")).toEqual([405, "method_not_allowed", "POST"])
  expect(await ask("GET", `/v1/transfers?cursor=${"a".repeat(2_048)}`)).toEqual([
    414,
    "url_too_long",
    undefined,
  ])
  expect(await ask("GET", `/v1/transfers/${"a".repeat(300)}`)).toEqual([414, "url_too_long", undefined])
  expect(await ask("GET", "/v1/transfers/%ff%zz")).toEqual([400, "bad_url", undefined])
})

test("says nothing of its inside when something fails there, and logs it", async () => {
  const { service, lines } = await givenService()
  const answer = await service.app.inject("/v1/transfers/broken")
  expect(answer.statusCode).toBe(500)
  expect(answer.json().error.code).toBe("internal")
  expect(answer.body).not.toMatch(/hunter2|secret\.ts|landfall\//)
  expect(answer.body).toContain(answer.headers["x-request-id"])
  expect(lines.join("")).toContain("/srv/landfall/secret.ts")
})

test("gives up on an answer that takes too long, and tells its handler", async () => {
  const { service } = await givenService({ limits: { handler_timeout_ms: 50 } })
  const answer = await service.app.inject("/v1/slow")
  expect([answer.statusCode, answer.json().error.code]).toEqual([503, "timeout"])
})

test("bounds the rate of each client, wrong tokens and unknown paths included", async () => {
  const { service } = await givenService({ limits: { rate_requests_max: 3 } })
  const statuses = []
  for (const url of ["/state", "/none", "/pause-funding-observer", "/state", "/none"]) {
    statuses.push(
      (await service.app.inject({ method: url.startsWith("/p") ? "POST" : "GET", url })).statusCode,
    )
  }
  expect(statuses).toEqual([200, 404, 401, 429, 429])
})

test("does not believe a client about its address", async () => {
  const { service } = await givenService({ limits: { rate_requests_max: 1 } })
  const headers = { "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1" }
  await service.app.inject("/state")
  expect((await service.app.inject({ url: "/state", headers })).statusCode).toBe(429)
})

test("sends headers that keep browsers from doing anything with an answer", async () => {
  const { service } = await givenService()
  for (const url of ["/state", "/none"]) {
    expect((await service.app.inject(url)).headers).toMatchObject({
      "content-security-policy": "default-src 'none';frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    })
  }
})

test("logs a request without its query, body or token", async () => {
  const { service, lines } = await givenService()
  await service.app.inject({ url: "/v1/transfers?status=seen", headers: asControl })
  expect(lines.length).toBe(1)
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ method: "GET", route: "/v1/transfers", status: 200 })
  expect(lines[0]).not.toMatch(/seen|control-token/)
})

test("describes itself in valid OpenAPI 3.1", async () => {
  const { service } = await givenService()
  const document = (await service.app.inject("/openapi.json")).json()
  const validator = new Validator()
  expect(await validator.validate(document)).toEqual({ valid: true })
  expect(validator.version).toBe("3.1")
  expect(Object.keys(document.paths)).toEqual([
    "/state",
    "/v1/transfers",
    "/v1/transfers/{transfer_id}",
    "/v1/slow",
    "/pause-funding-observer",
    "/health/live",
    "/health/ready",
    "/metrics",
  ])
  expect(document.paths["/v1/transfers"].get.parameters[0]).toEqual({
    name: "limit",
    in: "query",
    description: "rows a page: a whole number from 1 to 500",
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 500, default: 100 },
    example: 1,
  })
  expect(document.paths["/pause-funding-observer"].post.security).toEqual([{ control_token: [] }])
})

test("shows its documentation without anything from elsewhere", async () => {
  const { service } = await givenService()
  const fetched = new Set<string>()
  for (const page of ["/docs", "/docs/"]) {
    const index = await service.app.inject(page)
    expect(index.statusCode).toBe(200)
    expect(index.headers["content-security-policy"]).toContain("script-src 'self';")
    expect(index.body).not.toMatch(/<script[^>]*>[^<\s]|<style|https?:|\son[a-z]+=/i)
    for (const [, address = ""] of index.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
      fetched.add(new URL(address, `http://service${page}`).pathname)
    }
  }
  expect(fetched.size).toBe(7)
  for (const path of [...fetched, "/docs/json"]) {
    const asset = await service.app.inject(path)
    expect([path, asset.statusCode]).toEqual([path, 200])
    const elsewhere = path.endsWith(".css")
      ? asset.body.match(/@import|url\(\s*(?!["']?data:)[^)]{0,80}/g)
      : null
    expect(elsewhere).toBeNull()
  }
})
