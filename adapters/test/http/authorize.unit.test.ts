import { expect, test } from "vitest"
import { secret } from "../../src/config/secret.ts"
import { control, givenService, read } from "./given-service.ts"

const both = { control: secret(control), read: secret(read) }

const post = async (
  headers: Record<string, string>,
  url = "/pause-funding-observer",
  method: "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" = "POST",
) => {
  const { service, commands } = await givenService({ tokens: both })
  const answer = await service.app.inject({ method, url, headers, payload: '{"chain":"bitcoin"}' })
  return {
    status: answer.statusCode,
    challenge: answer.headers["www-authenticate"],
    body: answer.body,
    commands,
  }
}

test.each([
  ["no token", {}],
  ["an empty one", { authorization: "Bearer " }],
  ["a wrong one", { authorization: `Bearer ${control}x` }],
  ["a beginning of the right one", { authorization: `Bearer ${control.slice(0, -1)}` }],
  ["the read token", { authorization: `Bearer ${read}` }],
  ["another scheme", { authorization: `Basic ${btoa(`x:${control}`)}` }],
  ["two tokens", { authorization: `Bearer ${control}, Bearer ${control}` }],
  ["a token elsewhere", { "x-authorization": `Bearer ${control}`, cookie: `token=${control}` }],
])("does nothing for a command with %s", async (_name, headers) => {
  const { status, challenge, body, commands } = await post({ ...headers, "content-type": "application/json" })
  expect(status).toBe(401)
  expect(challenge).toMatch(/^Bearer realm="landfall history-writer"/)
  expect(JSON.parse(body).error.code).toBe("unauthorized")
  expect(body).not.toContain(control)
  expect(commands).toEqual([])
})

test.each(["Bearer", "bearer", "BEARER", "Bearer  "])(
  "does a command with the control token (%s)",
  async (scheme) => {
    const headers = { authorization: `${scheme} ${control}`, "content-type": "application/json" }
    const { status, commands } = await post(headers)
    expect([status, commands]).toEqual([202, [{ chain: "bitcoin" }]])
  },
)

test.each([
  "application/json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "",
])("asks for the token before it looks at the body (%s)", async (type) => {
  expect((await post({ "content-type": type })).status).toBe(401)
})

test.each([
  "/none",
  "/state",
  "/health/live",
  "/docs/json",
  "/openapi.json",
  "//pause-funding-observer",
  "/pause-funding-observer/",
  "/PAUSE-funding-observer",
  "/%70ause-funding-observer",
  "/x/../pause-funding-observer",
])("asks for the token on every path: %s", async (url) => {
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const) {
    const { status, commands } = await post({}, url, method)
    expect([method, status, commands]).toEqual([method, 401, []])
  }
})

test("takes the method from the request line alone", async () => {
  const { service, commands } = await givenService()
  const headers = { "x-http-method-override": "POST", "x-http-method": "POST", "x-method-override": "POST" }
  const answer = await service.app.inject({ url: "/pause-funding-observer?_method=POST", headers })
  expect([answer.statusCode, commands]).toEqual([405, []])
})

test("takes no command at all when no control token is configured", async () => {
  const { service, commands } = await givenService({ tokens: { control: null, read: null } })
  for (const authorization of ["Bearer null", "Bearer undefined", "Bearer x"]) {
    const answer = await service.app.inject({
      method: "POST",
      url: "/pause-funding-observer",
      headers: { authorization },
    })
    expect([answer.statusCode, answer.json().error.message]).toEqual([
      401,
      "no control token is configured, so that this service takes no commands",
    ])
  }
  expect(commands).toEqual([])
})

test("reading needs the read token, or the control token, where a read token is configured", async () => {
  const { service } = await givenService({ tokens: both })
  for (const url of [
    "/state",
    "/metrics",
    "/v1/transfers",
    "/none",
    "/%73tate",
    "/docs%2f..%2fstate",
    "/docs/../state",
  ]) {
    for (const method of ["GET", "HEAD"] as const) {
      const statusWith = async (token?: string) =>
        (
          await service.app.inject({
            method,
            url,
            headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
          })
        ).statusCode
      expect([url, await statusWith(), await statusWith("wrong")]).toEqual([url, 401, 401])
      expect([200, 404]).toContain(await statusWith(read))
      expect([200, 404]).toContain(await statusWith(control))
    }
  }
})

test("probes and documentation need no token", async () => {
  const { service } = await givenService({ tokens: both })
  for (const url of [
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/docs",
    "/docs/",
    "/docs/json",
    "/docs/static/index.css",
  ]) {
    expect([url, (await service.app.inject(url)).statusCode]).toEqual([url, 200])
  }
})

test("without a read token it is asked only as this machine, so that no page of a browser can pass for it", async () => {
  const { service } = await givenService()
  const statusAs = async (host: string) =>
    (await service.app.inject({ url: "/state", headers: { host } })).statusCode
  for (const host of ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080"]) {
    expect([host, await statusAs(host)]).toEqual([host, 200])
  }
  for (const host of [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
  ]) {
    expect([host, await statusAs(host)]).toEqual([host, 421])
  }
  const open = await givenService({ tokens: both })
  const headers = { host: "landfall.desk.example", authorization: `Bearer ${read}` }
  expect((await open.service.app.inject({ url: "/state", headers })).statusCode).toBe(200)
})
