import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { openPublisher } from "@landfall/adapters/kafka/publisher"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { beforeAll, describe, expect, test } from "vitest"
import { until } from "../../src/until.ts"
import { canary, givenEveryService, type Service, secretNames, serviceNames } from "./given-services.ts"
import { has, promised } from "./promised-state.ts"
import { exchange, request, statusOf } from "./raw-http.ts"
import { bearer, strangersAt, wrongCommands } from "./strangers.ts"

const given = givenEveryService()

interface Path {
  readonly method: string
  readonly path: string
}

/** The commands that must be among those that are walked. */
const commands: Readonly<Record<string, ReadonlyArray<string>>> = {
  "history-writer": [],
  "inventory-sync": ["/pause", "/resume"],
  "liquidity-manager": [
    "/refresh-funding-observations",
    "/pause-funding-observer",
    "/resume-funding-observer",
  ],
  "market-reference-ingest": ["/pause", "/resume"],
  "ops-sentinel": ["/pause", "/resume", "/evaluate"],
}

describe.each(serviceNames)("%s", (name) => {
  let service: Service
  let paths: ReadonlyArray<Path>
  beforeAll(async () => {
    const found = given.services().find((one) => one.name === name)
    if (found === undefined) throw new Error(`${name} was not started`)
    service = found
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
      readonly paths: Readonly<Record<string, object>>
    }
    paths = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{[^}]+\}/g, "x"),
      })),
    )
  })
  const get = (path: string, token = service.read) =>
    fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  const ask = async (...given: Parameters<typeof request>): Promise<number> =>
    statusOf(await exchange(service.port, request(...given)))

  test("does no command for a stranger, however it is written", async () => {
    const found = paths.filter(({ method }) => method !== "GET").map(({ path }) => path)
    expect(found).toEqual(expect.arrayContaining([...(commands[name] ?? [])]))
    const { control, read } = service
    for (const path of [...found, "/none", "/state", "/metrics"]) {
      const statuses = await Promise.all(
        strangersAt(path, { control, read }).map(
          async ([what, ...rest]) => [path, what, await ask(...rest)] as const,
        ),
      )
      expect(statuses.filter(([, , status]) => status !== 401)).toEqual([])
      // Methods that nothing here has: refused before or after the token, and never done.
      for (const method of ["TRACE", "CONNECT", "PROPFIND", "QUERY", "post", "PO\tST"])
        expect([
          path,
          method,
          Math.floor((await ask(method, path, ["content-length: 0"])) / 100),
        ]).not.toContain(2)
      const overridden = ["x-http-method-override: POST", "x-method-override: POST", "x-http-method: POST"]
      if (found.includes(path))
        expect(await ask("GET", `${path}?_method=POST`, [bearer(read), ...overridden])).toBe(405)
    }
    const state = JSON.stringify(await (await get("/state")).json())
    expect(state).not.toContain('"paused":true')
  })

  test("does no command that is not written as it must be, for those who may either", async () => {
    const { control } = service
    for (const { path, method } of paths.filter((one) => one.method !== "GET")) {
      const statuses = await Promise.all(
        wrongCommands.map(async ([expected, headers, body, query = ""]) => [
          path,
          headers.at(-1),
          body.slice(0, 20),
          expected,
          await ask(method, `${path}${query}`, [bearer(control), ...headers], body),
        ]),
      )
      expect(statuses.filter(([, , , expected, status]) => status !== expected)).toEqual([])
    }
    const state = JSON.stringify(await (await get("/state")).json())
    expect(state).not.toContain('"paused":true')
  })

  test("reads nothing out to a stranger but what it is: probes and documentation", async () => {
    const open = ["/health/live", "/health/ready", "/openapi.json", "/docs", "/docs/json"]
    const closed = [...paths.map(({ path }) => path), "/none"].filter((path) => !open.includes(path))
    for (const path of closed)
      for (const method of ["GET", "HEAD"]) {
        expect([path, method, await ask(method, path)]).toEqual([path, method, 401])
        expect([path, await ask(method, path, [bearer("wrong")])]).toEqual([path, 401])
        expect([path, await ask(method, path, [bearer(service.read), bearer("wrong")])]).toEqual([path, 401])
      }
    for (const path of open) expect([path, (await fetch(`${service.url}${path}`)).status]).not.toContain(401)
    expect(await (await fetch(`${service.url}/health/ready`)).text()).not.toContain("reasons")
    expect((await get("/state")).status).toBe(200)
    expect((await get("/state", service.control)).status).toBe(200)
  })

  test("keeps browsers from doing anything with an answer, and says nothing of what it is made of", async () => {
    for (const path of ["/state", "/none", "/metrics", "/docs/", "/openapi.json"]) {
      const { headers } = await get(path)
      expect(headers.get("x-content-type-options"), path).toBe("nosniff")
      expect(headers.get("content-security-policy"), path).toContain("default-src 'none'")
      expect(headers.get("cache-control"), path).toMatch(path === "/docs/" ? /./ : /^no-store$/)
      expect([headers.get("server"), headers.get("x-powered-by")]).toEqual([null, null])
      expect(headers.get("access-control-allow-origin")).toBeNull()
    }
  })

  test("shows in /state what is promised by name, and as of when", async () => {
    const state: unknown = await (await get("/state")).json()
    expect(["as_of", ...(promised[name] ?? [])].filter((path) => !has(state, path))).toEqual([])
  })

  test("shows the metrics that docs/reference/metrics.md lists, and no others of its own", async () => {
    const page = await readFile(
      fileURLToPath(new URL("../../../../docs/reference/metrics.md", import.meta.url)),
      "utf8",
    )
    const sections = new Map(
      page.split("\n## ").map((section): [string, string] => [section.split("\n", 1)[0] ?? "", section]),
    )
    const listed = ["All services", name].flatMap((title) =>
      [...(sections.get(title) ?? "").matchAll(/^\| `(landfall_\w+)` \| (\w+)/gm)].map(
        ([, metric, type]) => `${metric} ${type}`,
      ),
    )
    const body = await (await get("/metrics")).text()
    const shown = [...body.matchAll(/^# TYPE (landfall_\w+) (\w+)$/gm)].map(
      ([, metric, type]) => `${metric} ${type}`,
    )
    expect(shown.sort()).toEqual(listed.sort())
    expect(body).toContain(`landfall_build_info{service="${name}"`)
    expect(body).toMatch(/^process_resident_memory_bytes \d/m)
  })

  const asked: Readonly<Record<string, ReadonlyArray<string>>> = {
    "inventory-sync": ["bridge", "verifier", "liquidity-manager"],
    "liquidity-manager": ["bridge", "bitcoind", "esplora", "evm-node"],
    "market-reference-ingest": ["ticker"],
  }
  for (const source of asked[name] ?? [])
    test(`measures its calls to ${source}`, () =>
      until(`calls to ${source} that were refused`, async () => {
        const body = await (await get("/metrics")).text()
        return new RegExp(
          `^landfall_outgoing_call_seconds_count\\{source="${source}",outcome="status"\\} [1-9]`,
          "m",
        ).test(body)
          ? true
          : null
      }))

  test("shows its secrets nowhere: not in its log, answers, errors, metrics, or to those who list processes", async () => {
    const urls = secretNames(name).filter((setting) => setting.endsWith("_URL") && setting !== "DATABASE_URL")
    // The other systems know the secrets and have told them back.
    for (const setting of urls)
      await until(`${setting} to be asked with its password`, async () =>
        given.parrot
          .heard()
          .includes(
            setting === "LIQUIDITY_MANAGER_URL"
              ? canary(name, "LIQUIDITY_MANAGER_READ_TOKEN")
              : btoa(`desk:${canary(name, setting)}-password`),
          )
          ? true
          : null,
      )
    const { control } = service
    const answers = await Promise.all(
      [
        ...paths.filter(({ method }) => method === "GET").map(({ path }) => path),
        "/docs/json",
        "/none",
        `/none?token=${"x".repeat(3_000)}`,
        "/state?nothing=1",
        "/%zz",
      ].map(async (path) => (await get(path)).text()),
    )
    const errors = await Promise.all(
      paths
        .filter(({ method }) => method === "POST")
        .map(({ path }) =>
          exchange(
            service.port,
            request("POST", path, [`authorization: Bearer ${control}x`, "content-length: 0"]),
          ),
        ),
    )
    const texts: Readonly<Record<string, string>> = {
      log: await service.log(),
      answers: answers.join("\n"),
      errors: errors.join("\n"),
      arguments: await readFile(`/proc/${service.child.pid}/cmdline`, "utf8"),
    }
    expect(texts["log"]).toContain('"msg":"listening"')
    const forms = [
      /canary/,
      ...urls.map(
        (setting) => new RegExp(btoa(`desk:${canary(name, setting)}-password`).replaceAll("=", "")),
      ),
    ]
    for (const [where, text] of Object.entries(texts))
      for (const form of forms) {
        const at = text.search(form)
        expect(at === -1 ? "" : `${where}: ${text.slice(Math.max(0, at - 300), at + 100)}`).toBe("")
      }
  })
})

test("a service whose other systems were never sound says so, and does not say that there is nothing", async () => {
  const states = new Map<string, unknown>()
  for (const { name, url, read } of given.services()) {
    const state = await fetch(`${url}/state`, { headers: { authorization: `Bearer ${read}` } })
    states.set(name, await state.json())
  }
  expect(states.get("liquidity-manager")).toMatchObject({
    funding_observers: { bitcoin: { healthy: false }, gnosis: { healthy: false } },
    behind_seconds: { bridge: null },
  })
  expect(states.get("inventory-sync")).toMatchObject({
    inventory: null,
    sources: { verifier: { state: "down" }, bridge: { state: "down" } },
  })
  expect(states.get("market-reference-ingest")).toMatchObject({
    ticker: { state: "down" },
    prices: [{ price: null }],
  })
})

test("no service waits for a command whose body drips, not even for who may command", async () => {
  const asked = given.services().flatMap(({ name, port, control }) => {
    const [path] = commands[name] ?? []
    const headers = [bearer(control), "content-type: application/json", "content-length: 10"]
    return path === undefined ? [] : [exchange(port, request("POST", path, headers, "{"))]
  })
  const answers = await Promise.all(asked)
  expect(answers.map(statusOf)).toEqual([408, 408, 408, 408])
})

test("poison in every topic puts nothing of ours into the record, and nothing of its own into a terminal", async () => {
  const noise = "\u001b[2J\u009b31m\u0000\r\u202e"
  const hostile = '{"pair":"\u001b]0;owned\u0007\u009b2J\u202e","status":"\u001b[8m"}'
  const names = topics.map(({ name }) => name)
  const publisher = openPublisher(
    { brokers: given.environment("history-writer")["KAFKA_BROKERS"] ?? "", clientId: "poisoner" },
    "poisoner",
  )
  await publisher.open()
  await publisher.publish(
    names.flatMap((topic) => [
      { topic, key: "\u001b[2J", value: noise },
      { topic, key: "hostile", value: hostile },
    ]),
  )
  await publisher.close()
  const writer = given.services().find(({ name }) => name === "history-writer") as Service
  const letters = await until("every piece of poison to be a dead letter", async () => {
    const answer = await fetch(`${writer.url}/v1/dead-letters?limit=500`, {
      headers: { authorization: `Bearer ${writer.read}` },
    })
    const text = await answer.text()
    const { items } = JSON.parse(text) as { readonly items: ReadonlyArray<unknown> }
    return items.length === 2 * names.length ? text : null
  })
  expect(letters).not.toMatch(/canary/)
  // Every column of every row: evidence and dead letters, acts and snapshots alike.
  const database = openDatabase(given.environment("history-writer")["DATABASE_URL"] ?? "", {
    applicationName: "looking for secrets",
  })
  await database.transaction(async (transaction) => {
    // Bridge, nodes, verifier and ticker have said nothing sound since all began: nothing was concluded from that.
    for (const { name, evidenceTable } of topics.filter((topic) => topic.name !== "ops.alert"))
      expect([name, ...(await transaction.query(`select 1 from ${evidenceTable}`))]).toEqual([name])
    const tables = await transaction.query<{ name: string }>(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
    )
    expect(tables.length).toBeGreaterThan(20)
    for (const { name } of tables) {
      const found = await transaction.query<{ row: string }>(
        `select left(t::text, 300) as row from ${name} as t
         where t::text like '%canary%' or t::text like '%' || encode('canary', 'hex') || '%'`,
      )
      expect([name, ...found]).toEqual([name])
    }
  })
  await database.close()
  for (const { name, log } of given.services()) {
    const lines = (await log()).trimEnd().split("\n")
    const acting = lines.find((line) => /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/u.test(line))
    expect([name, acting]).toEqual([name, undefined])
    for (const line of lines) expect(() => JSON.parse(line), line.slice(0, 200)).not.toThrow()
  }
})

test("no service shows the password of its user in Kafka, or of a database that it cannot reach", async () => {
  const shown = await Promise.all(
    given.astray().map(async ({ name, url, read, log }) => {
      const headers = { authorization: `Bearer ${read}` }
      await until(
        `${name} to say in its log that Kafka or the database is away`,
        async () => (/"level":"(?:warn|error)"/.test(await log()) ? true : null),
        // The client of Kafka takes half a minute to give up, on a machine with nothing else to do.
        { timeoutMs: 150_000 },
      )
      const ready = await fetch(`${url}/health/ready`, { headers })
      expect(ready.status).toBe(503)
      const state = await fetch(`${url}/state`, { headers })
      const texts = `${await ready.text()}\n${await state.text()}\n${await log()}`
      return texts.match(/.{0,200}canary.{0,80}/)?.[0] ?? null
    }),
  )
  expect(shown).toEqual(serviceNames.map(() => null))
}, 180_000)

test("no service listens beyond this machine without both tokens", async () => {
  const ends = await Promise.all(
    serviceNames.map(async (name) => {
      const { CONTROL_TOKEN: _, READ_TOKEN: read = "", ...env } = given.environment(name)
      const { child, log } = await given.spawn(name, { ...env, READ_TOKEN: read, HTTP_HOST: "0.0.0.0" })
      return { ...(await child.exited), words: await log() }
    }),
  )
  for (const { code, words } of ends) {
    expect(code).toBe(1)
    expect(words).toMatch(/listening on "0\.0\.0\.0", which is beyond this machine, needs a control token/)
    expect(words).not.toContain("canary")
  }
})
