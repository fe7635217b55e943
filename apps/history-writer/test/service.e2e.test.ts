import { join } from "node:path"
import { until } from "@landfall/sandbox/until"
import { spawnLeashed } from "@landfall/setup/parts/leash"
import { freePort } from "@landfall/setup/parts/ports"
import { describe, expect, it, vi } from "vitest"
import { flowOf } from "./flow.ts"
import { givenHouse, givenParts } from "./given-parts.ts"
import { environmentOf, givenService } from "./given-service.ts"
import { untilRead } from "./given-writer.ts"
import { checkInvariants } from "./invariants.ts"
import { send } from "./kafka-tools.ts"
import { priceMessage, priceOf } from "./messages.ts"

const parts = givenParts()

interface Answer {
  readonly status: number
  // What a test looks at is told by the test itself.
  readonly body: Record<string, never> & { readonly items: ReadonlyArray<Record<string, unknown>> }
}

const get = async (url: string): Promise<Answer> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(20_000) })
  return { status: response.status, body: (await response.json()) as Answer["body"] }
}

const untilReady = (base: string) =>
  until(
    "the service is ready",
    async () => ((await get(`${base}/health/ready`)).status === 200 ? true : null),
    {
      standing: async () => (await get(`${base}/health/ready`)).body,
    },
  )

describe("the service over HTTP", () => {
  it("shows state, pages of transfers and observations, dead letters and degraded keys, at a position", async () => {
    const house = await givenHouse(parts(), { partitions: 2 })
    const flow = flowOf(700, 1)
    const poison = { ...priceMessage(priceOf(1)), key: "BTC/EURe", value: "poison" }
    await send(house.brokers, [...flow.messages, poison, poison])
    const { child, url } = await givenService(parts(), environmentOf(house))
    const base = await url()
    await untilRead(house, 702)
    await untilReady(base)

    const state = await get(`${base}/state`)
    expect(state.status).toBe(200)
    expect(state.body).toMatchObject({
      trouble: null,
      latest_write_at: expect.stringMatching(/^\d{4}-.*Z$/),
      funding_observations: {
        topic: "ops.funding_observation",
        evidence_table: "funding_observations",
        count: flow.evidence,
        duplicates: flow.duplicates,
        dead_letters: flow.poison,
        latest_write_at: expect.stringMatching(/^\d{4}-.*Z$/),
        lag: 0,
        write_status: "ok",
      },
      ops_alerts: { topic: "ops.alert", count: 0, latest_write_at: null, lag: 0, write_status: "ok" },
      position: { "ops.alert": { "0": 0, "1": 0 } },
      as_of: expect.stringMatching(/^\d{4}-.*Z$/),
    })

    const seen: Array<Record<string, unknown>> = []
    let cursor = ""
    do {
      const page = await get(`${base}/v1/observations?limit=300${cursor}`)
      expect(page.status).toBe(200)
      expect(Object.keys(page.body["position"] ?? {})).toContain("ops.funding_observation")
      seen.push(...page.body.items)
      cursor = page.body["next_cursor"] === null ? "" : `&cursor=${page.body["next_cursor"]}`
    } while (cursor !== "")
    expect(seen.length).toBe(flow.evidence)
    const sent = new Set(flow.messages.map(({ value }) => value))
    expect(seen.every(({ payload }) => sent.has(String(payload)))).toBe(true)
    const places = seen.map((row) => `${row["topic_partition"]}/${row["kafka_offset"]}`)
    expect(new Set(places).size).toBe(seen.length)

    const transfers = await get(`${base}/v1/transfers?limit=500&status=confirming`)
    const [some] = transfers.body.items
    expect(transfers.body.items.every((row) => row["status"] === "confirming")).toBe(true)
    expect(some).toMatchObject({ amount: expect.stringMatching(/^\d+$/), chain: "bitcoin" })
    const one = await get(`${base}/v1/observations?transfer_id=${some?.["transfer_id"]}`)
    expect(one.body.items.length).toBe(some?.["observations"])
    const byHash = await get(`${base}/v1/transfers?tx_hash=${some?.["tx_hash"]}`)
    expect(byHash.body.items).toEqual([some])
    const none = await get(`${base}/v1/transfers?funding_handle=nobody`)
    expect(none).toMatchObject({ status: 200, body: { items: [], next_cursor: null } })

    expect(transfers.body["behind_seconds"]).toMatchObject({ "ops.funding_observation": 0, "ops.alert": 0 })
    const poisoned = expect.objectContaining({
      topic: "ref.market_price",
      condition: "poisoned",
      open_dead_letters: 2,
    })
    // Topics are looked at one after another.
    await vi.waitFor(
      async () =>
        expect(await get(`${base}/health/ready`)).toMatchObject({
          status: 200,
          body: { ready: true, reasons: [], partitions: expect.arrayContaining([poisoned]) },
        }),
      { timeout: 60_000, interval: 50 },
    )

    const letters = await get(`${base}/v1/dead-letters`)
    expect(letters.body.items.length).toBe(flow.poison + 2)
    expect(letters.body.items.every((row) => row["state"] === "open")).toBe(true)
    const page = await get(`${base}/v1/dead-letters?topic=ref.market_price&state=open&limit=1`)
    expect(page.body.items).toMatchObject([{ topic: "ref.market_price", message_key: "BTC/EURe" }])
    const next = await get(
      `${base}/v1/dead-letters?topic=ref.market_price&state=open&cursor=${page.body.next_cursor}`,
    )
    expect(next.body.items.length).toBe(1)
    const degraded = await get(`${base}/v1/degraded-keys`)
    expect(degraded.body.items).toContainEqual({
      topic: "ref.market_price",
      message_key: "BTC/EURe",
      dead_letters: 2,
    })
    const metrics = await (await fetch(`${base}/metrics`)).text()
    expect(metrics).toContain(`landfall_messages_written_total{outcome="dead_letter"} ${flow.poison + 2}`)
    expect(metrics).toContain(`landfall_dead_letters_open{topic="ref.market_price"} 2`)

    await child.stop()
    expect(await child.exited).toEqual({ code: 0, signal: null })
  })

  it("answers a wrong question with 400 and what is accepted", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const { url } = await givenService(parts(), environmentOf(house))
    const base = await url()
    await untilReady(base)
    const forged = (list: string, ...places: string[]) =>
      Buffer.from(JSON.stringify([1, [list, ...places]])).toString("base64url")
    for (const [question, field] of [
      ["transfers?colour=red", "colour"],
      ["transfers?limit=0", "limit"],
      ["transfers?limit=501", "limit"],
      ["transfers?limit=ten", "limit"],
      ["transfers?cursor=nonsense", "cursor"],
      [`transfers?cursor=${forged("observations", "0", "1")}`, "cursor"],
      [`transfers?cursor=${forged("transfers", "\0")}`, "cursor"],
      [`observations?cursor=${forged("observations", "x", "1")}`, "cursor"],
      [`observations?cursor=${forged("observations", "0", "1e400")}`, "cursor"],
      [`observations?cursor=${forged("observations", "-1", "NaN")}`, "cursor"],
      ["observations?tx_hash=%00", "tx_hash"],
      ["observations?status=seen&status=confirmed", "status"],
      ["dead-letters?cursor=x", "cursor"],
      [`dead-letters?cursor=${forged("dead-letters", "now", "t", "0", "1")}`, "cursor"],
      [
        `dead-letters?cursor=${forged("dead-letters", "2026-01-01T00:00:00.000Z", "t", "0", "NaN")}`,
        "cursor",
      ],
      ["dead-letters?state=lost", "state"],
    ]) {
      const { status, body } = await get(`${base}/v1/${question}`)
      expect({ question, status }).toEqual({ question, status: 400 })
      expect(body["error"], question).toMatchObject({ field, accepted: expect.any(String) })
    }
    expect((await get(`${base}/v1/nothing`)).status).toBe(404)
    expect((await fetch(`${base}/v1/transfers`, { method: "POST" })).status).toBe(401)
  })

  it("rebuilds a snapshot that it finds frozen, serves the old rows meanwhile, and says so until it is done", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const { messages } = flowOf(500, 3)
    await send(house.brokers, messages.slice(0, 250))
    const first = await givenService(parts(), environmentOf(house))
    await untilRead(house, 250)
    await first.child.kill()
    // As a program of a newer version leaves it that was stopped before it had rebuilt anything.
    await house.sql.unsafe(
      `update snapshot_versions set frozen_at = now(), generation = generation + 1 where projection = 'funding_transfer';
       insert into snapshot_positions (projection, copy, topic_partition, next_offset, events)
         select 'funding_transfer', 'live', topic_partition, next_offset, log_size from checkpoints
         where topic = 'ops.funding_observation'`,
    )
    await send(house.brokers, messages.slice(250))
    const locked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const blocked = house.sql.begin(async (sql) => {
      await sql`lock table snapshot_copies in access exclusive mode` // no rebuild can begin
      locked.resolve()
      await release.promise
    })
    await locked.promise
    const { url } = await givenService(parts(), environmentOf(house))
    const base = await url()
    await untilRead(house, 500)
    const readiness = await until("readiness tells of the rebuild", async () => {
      const answer = await get(`${base}/health/ready`)
      return JSON.stringify(answer.body["rebuilding"] ?? []) === "[]" ? null : answer
    })
    expect(readiness).toMatchObject({
      status: 503,
      body: {
        ready: false,
        rebuilding: [{ projection: "funding_transfer", from_version: 1, to_version: 1 }],
      },
    })
    expect(await get(`${base}/v1/transfers`)).toMatchObject({
      status: 200,
      body: { rebuilding: { version: 1 }, position: { "ops.funding_observation": { "0": 250 } } },
    })
    release.resolve()
    await blocked
    await untilReady(base)
    expect((await get(`${base}/state`)).body).toMatchObject({ rebuilding: [] })
    await checkInvariants(house)
  })
})

describe("the service while a part is away", () => {
  it("is not ready without PostgreSQL, lives, answers questions with 503, and is ready again afterwards", async () => {
    const { postgres } = parts()
    const house = await givenHouse(parts(), { partitions: 1 })
    const { url } = await givenService(parts(), environmentOf(house))
    const base = await url()
    await untilReady(base)
    await postgres.stop()
    // Nothing is being written: the service has to look by itself.
    const unready = await until("the service says that it is not ready", async () => {
      const answer = await get(`${base}/health/ready`)
      return answer.status === 503 ? answer : null
    })
    expect(JSON.stringify(unready.body)).toContain("PostgreSQL")
    expect((await get(`${base}/health/live`)).status).toBe(200)
    expect((await get(`${base}/v1/transfers`)).status).toBe(503)
    const state = await get(`${base}/state`)
    expect(state.body["ops_alerts"]).toMatchObject({ write_status: "failing" })
    await postgres.restart()
    await untilReady(base)
    expect((await get(`${base}/v1/transfers`)).status).toBe(200)
  })

  it("waits for PostgreSQL to start, and then goes to work", async () => {
    const { postgres } = parts()
    const house = await givenHouse(parts(), { partitions: 1 })
    await send(house.brokers, [priceMessage(priceOf(1))])
    await postgres.stop()
    const { url } = await givenService(parts(), environmentOf(house))
    const base = await url()
    expect((await get(`${base}/health/ready`)).status).toBe(503)
    await postgres.restart()
    await untilReady(base)
    await untilRead(house, 1)
  })
})

describe("the service with a wrong configuration", () => {
  it("exits with 1 and every problem at once, and starts nothing", async () => {
    const { child, log } = await givenService(parts(), {
      KAFKA_BROKERS: "no port",
      DATABASE_URL: "http://127.0.0.1/",
      HTTP_PORT: "99999",
      MIGRATE: "perhaps",
      LOG_LEVEL: "loud",
      CONTROL_TOKEN: "short",
    })
    expect(await child.exited).toEqual({ code: 1, signal: null })
    const said = await log()
    for (const name of [
      "KAFKA_BROKERS",
      "DATABASE_URL",
      "HTTP_PORT",
      "MIGRATE",
      "LOG_LEVEL",
      "CONTROL_TOKEN",
    ])
      expect(said).toContain(name)
    expect(said).not.toContain("short\n")
  })

  it("exits with 1 and what to do when the database is not migrated, or is not there", async () => {
    const url = await parts().postgres.createDatabase("empty")
    const env = { KAFKA_BROKERS: parts().kafka.brokers, HTTP_PORT: "0", MIGRATE: "false" }
    const empty = await givenService(parts(), { ...env, DATABASE_URL: url })
    expect(await empty.child.exited).toEqual({ code: 1, signal: null })
    expect(await empty.log()).toContain("MIGRATE=true")
    const missing = await givenService(parts(), { ...env, DATABASE_URL: url.replace("empty", "nowhere") })
    expect(await missing.child.exited).toEqual({ code: 1, signal: null })
    expect(await missing.log()).toContain('database \\"nowhere\\" does not exist')
  })

  it("exits with 1 when its port is taken", async () => {
    const port = await freePort()
    const house = await givenHouse(parts(), { partitions: 1 })
    const held = await spawnLeashed(
      process.execPath,
      ["-e", `require("node:http").createServer().listen(${port}, "127.0.0.1")`],
      { log: join(parts().dir, "held.log") },
    )
    await until("the port is taken", async () => {
      await fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(50) }).catch((error: Error) => {
        if (error.name !== "TimeoutError") throw error
      })
      return true
    })
    const { child, log } = await givenService(parts(), { ...environmentOf(house), HTTP_PORT: String(port) })
    expect(await child.exited).toEqual({ code: 1, signal: null })
    expect(await log()).toContain(`cannot listen on 127.0.0.1 port ${port}`)
    await held.kill()
  })
})
