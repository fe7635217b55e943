import { timestamp } from "@landfall/domain/timestamp"
import { alertEventId } from "@landfall/domain/topics/alert"
import { fundingObservationId, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { projections } from "@landfall/projections/registry"
import { Schema } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { auditRoutes } from "../src/routes/audit.ts"
import { type Documented, timelineSchema, whySchema } from "../src/routes/schemas.ts"
import { at, type Decided, observation, playMorning, price, transferId, txHash, written } from "./desk.ts"
import { type Answer, type GivenAudit, givenAudit, now_ms } from "./given-audit.ts"

let given: GivenAudit
let decided: Decided
beforeAll(async () => {
  given = await givenAudit()
  decided = await playMorning(given)
}, 60_000)
afterAll(() => given.close(), 60_000)

const get = (path: string): Promise<Answer> => given.get(`/v1/${path}`)

/** The answer of a question that is served. */
const ok = async (path: string): Promise<Answer["body"]> => {
  const { status, body } = await get(path)
  expect({ path, status, error: body["error"] }).toEqual({ path, status: 200, error: undefined })
  return body
}

const decision = (name: string) => {
  const alert = decided.get(name)
  if (alert === undefined) throw new Error(`the desk has no ${name}: ${[...decided.keys()].join(", ")}`)
  return alert
}

const seenUnconfirmed = () => decision("funding_seen_unconfirmed raised")

describe("an answer", () => {
  it.each(projections.map(({ list }) => [list]))(
    "of /v1/%s says as of when, on which basis and at which position",
    async (list) => {
      expect(await ok(list)).toMatchObject({
        as_of: timestamp(now_ms),
        as_of_basis: "ingest",
        position: { "ops.funding_observation": { "0": 3 }, "ref.market_price": { "0": 2 } },
        items: expect.any(Array),
        next_cursor: null,
      })
    },
  )

  it("about the past says how long ago that is, and where the record stood then", async () => {
    const then = timestamp(written(13))
    const body = await ok(`transfers?as_of=${then}`)
    const behind = (now_ms - written(13)) / 1000
    expect(body).toMatchObject({
      as_of: then,
      final: true,
      position: { "ops.funding_observation": { "0": 2 }, "ref.market_price": { "0": 2 } },
      behind_seconds: { "ops.funding_observation": behind, "ops.alert": behind },
      items: [{ status: "confirming", topic_partition: 0, kafka_offset: 1 }],
    })
  })

  it("is that of the millisecond, by ingest time and by event time", async () => {
    const statusAt = async (at_ms: number, basis: string) =>
      (await ok(`transfers/${transferId}?as_of=${timestamp(at_ms)}&as_of_basis=${basis}`))["row"]?.["status"]
    expect(await statusAt(written(14) - 1, "ingest")).toBe("confirming")
    expect(await statusAt(written(14), "ingest")).toBe("credited")
    expect(await statusAt(at(14) - 1, "event")).toBe("confirming")
    expect(await statusAt(at(14), "event")).toBe("credited")
    expect((await get(`transfers/${transferId}?as_of=${timestamp(written(0) - 1)}`)).status).toBe(404)
  })

  it("is narrowed down by what the rows were then, not by what they are now", async () => {
    const then = `as_of=${timestamp(written(0))}`
    expect((await ok(`transfers?status=seen&${then}`)).items).toHaveLength(1)
    expect((await ok(`transfers?status=credited&${then}`)).items).toHaveLength(0)
    expect((await ok(`transfers?tx_hash=${txHash}&funding_handle=bcrt1qdesk&${then}`)).items).toHaveLength(1)
    expect((await ok("transfers?status=credited&asset_id=btc&below_minimum=true")).items).toHaveLength(0)
    expect((await ok(`alerts?status=raised&as_of=${timestamp(written(12))}`)).items).toHaveLength(2)
    expect((await ok("alerts?status=raised&alert_code=funding_seen_unconfirmed")).items).toHaveLength(0)
    const cleared = timestamp(Date.parse(decision("funding_seen_unconfirmed cleared").cleared_at ?? ""))
    expect((await ok(`alerts?tx_hash=${txHash}&cleared_at_from=${cleared}`)).items).toHaveLength(1)
    expect((await ok(`alerts?tx_hash=${txHash}&cleared_at_before=${cleared}`)).items).toHaveLength(0)
  })

  it("finds a row by a key with a slash, and says so when there is none", async () => {
    expect((await ok("prices/BTC%2FEURe"))["row"]).toMatchObject({ pair: "BTC/EURe", kafka_offset: 1 })
    const none = await get("prices/ETH%2FEURe")
    expect(none.status).toBe(404)
    expect(JSON.stringify(none.body)).toContain("/v1/prices lists what there is")
  })

  it("waits for a position, and comes as soon as it was written", async () => {
    const waiting = ok("trade-results?wait_for=ref.market_price/0=3")
    const waitingForJson = ok(`prices?wait_for=${encodeURIComponent('{"ref.market_price":{"0":3}}')}`)
    await given.write(marketPriceTopic, [price(20, "EURe/BTC")], written(20))
    expect(await waiting).toMatchObject({ position: { "ref.market_price": { "0": 3 } } })
    expect((await waitingForJson).items).toHaveLength(2)
  })

  it("is 504 when the position is not reached in time, and says which partition is not there", async () => {
    const { status, body } = await get("transfers?wait_for=ops.funding_observation/0=4&wait_ms=60")
    expect(status).toBe(504)
    expect(body["error"]).toMatchObject({
      code: "not_reached",
      field: "wait_for",
      message: "after 60 ms ops.funding_observation/0 stands at 3, not yet at 4",
    })
  })
})

describe("a wrong question", () => {
  it.each([
    ["transfers?colour=red", "colour"],
    ["transfers?as_of=yesterday", "as_of"],
    ["transfers?as_of=2026-02-30T00:00:00.000Z", "as_of"],
    [`transfers?as_of=${timestamp(now_ms + 1)}`, "as_of"],
    ["transfers?as_of_basis=guess", "as_of_basis"],
    ["transfers?status=lost", "status"],
    ["transfers?tx_hash=ABCD", "tx_hash"],
    ["transfers?first_seen_at_from=1", "first_seen_at_from"],
    ["transfers?below_minimum=perhaps", "below_minimum"],
    ["transfers?format=xml", "format"],
    ["transfers?limit=0", "limit"],
    ["transfers?cursor=nonsense", "cursor"],
    ["alerts?alert_code=nothing_is_wrong", "alert_code"],
    ["transfers?wait_for=12", "wait_for"],
    ["transfers?wait_for=ops.nothing/0=1", "wait_for"],
    ["transfers?wait_for=ops.alert/0=-1", "wait_for"],
    [`transfers?wait_for=ops.alert/0=1&as_of=${timestamp(now_ms)}`, "wait_for"],
    ["transfers?wait_ms=-1", "wait_ms"],
    ["why/what", "subject"],
    ["why/what?as_of=2026-01-01T00:00:00.000Z", "as_of"],
  ])("%s is answered with 400 and what is accepted", async (question, field) => {
    const { status, body } = await get(question)
    expect({ status, error: body["error"] }).toMatchObject({
      status: 400,
      error: { field, accepted: expect.stringMatching(/./) },
    })
  })

  it("about a projection, a key or an event that is not there is answered with 404", async () => {
    for (const path of [
      "nothing",
      "transfers/00000000-0000-4000-8000-000000000000",
      "transfers/00000000-0000-4000-8000-000000000000/timeline",
      "why/00000000-0000-4000-8000-000000000000",
      `why/${"0".repeat(64)}`,
      "why/funding_stuck:nobody:nothing",
    ])
      expect({ path, ...(await get(path)) }).toMatchObject({ path, status: 404 })
  })
})

describe("why", () => {
  it("leads from either transition of an alert to rule, threshold, observed value, position and events of both", async () => {
    const raise = seenUnconfirmed()
    const clear = decision("funding_seen_unconfirmed cleared")
    const body = await ok(`why/${raise.alert_event_id}`)
    expect(body).toMatchObject({
      kind: "alert",
      alert: {
        rule: "funding_seen_unconfirmed",
        alert_key: raise.alert_key,
        tx_hash: txHash,
        raise: {
          reason: raise.reason,
          at: raise.raised_at,
          threshold: {
            window_ms: raise.details.window_ms,
            policy_version: raise.details.policy_version,
            settings: { window_ms: raise.details.window_ms },
          },
          observed: { status: "seen", amount: "50000000" },
          position: raise.details.cut,
          evidence: [
            {
              topic: "ops.funding_observation",
              partition: 0,
              offset: 0,
              event: {
                event_id: fundingObservationId(transferId, 1),
                kafka_at: timestamp(written(0) - 5),
                ingested_at: timestamp(written(0)),
                leaf_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
                payload: expect.stringContaining('"revision":1'),
              },
            },
          ],
          event: { topic: "ops.alert", event_id: raise.alert_event_id },
        },
        clear: {
          reason: clear.reason,
          observed: { status: "confirming" },
          position: clear.details.cut,
          event: { event_id: clear.alert_event_id },
        },
      },
    })
    expect((await ok(`why/${clear.alert_event_id}`))["alert"]).toEqual(body["alert"])
    expect((await ok(`why/${encodeURIComponent(raise.alert_key)}`))["alert"]).toEqual(body["alert"])
    expect(clear.alert_event_id).toBe(alertEventId(raise.alert_key, 1, "cleared"))
  })

  it("leads from an event to what it changed, field by field, and to the alerts that rest on it", async () => {
    const body = await ok(`why/${fundingObservationId(transferId, 2)}`)
    expect(body).toMatchObject({
      kind: "event",
      event: { topic: "ops.funding_observation", topic_partition: 0, kafka_offset: 1, retried: false },
      transfer: { transfer_id: transferId, status: "credited" },
      changes: [{ projection: "funding_transfer", key: transferId, change: "changed" }],
      named_by: [{ alert_code: "funding_seen_unconfirmed", status: "cleared" }],
    })
    const [change] = body["changes"] as unknown as ReadonlyArray<{ fields: ReadonlyArray<{ field: string }> }>
    const changed = new Map(change?.fields.map((one) => [one.field, one]))
    expect(changed.get("status")).toEqual({ field: "status", before: "seen", after: "confirming" })
    expect(changed.get("block_height")).toEqual({ field: "block_height", before: null, after: 101 })
    expect(changed.has("amount")).toBe(false)
    expect(changed.has("first_seen_at")).toBe(false)
    const first = await ok(`why/${fundingObservationId(transferId, 1)}`)
    expect(first["changes"]).toMatchObject([{ change: "added" }])
    expect(first["named_by"]).toMatchObject([
      { alert_code: "funding_seen_unconfirmed", status: "raised" },
      { alert_code: "funding_seen_unconfirmed", status: "cleared" },
    ])
    const [stale] = decision("reference_price_stale raised").details.evidence
    const naming = (await ok(`why/${stale?.event_id}`))["named_by"] as unknown as ReadonlyArray<object>
    expect(naming).toContainEqual(
      expect.objectContaining({ alert_code: "reference_price_stale", status: "raised" }),
    )
  })

  it("leads from a transfer, or its transaction, to its timeline", async () => {
    const body = await ok(`why/${transferId}`)
    expect(body).toMatchObject({ kind: "transfer", transfer: { status: "credited" }, more: false })
    expect((await ok(`why/${txHash}`))["transfers"]).toEqual([
      { transfer: body["transfer"], timeline: body["timeline"], more: false },
    ])
  })
})

describe("a timeline", () => {
  interface Step {
    readonly alert: { readonly alert_code: string; readonly status: string } | null
    readonly change: {
      readonly fields: ReadonlyArray<{ readonly field: string; readonly after: unknown }>
    } | null
  }
  const words = (steps: ReadonlyArray<unknown>) =>
    (steps as ReadonlyArray<Step>).map(({ alert, change }) =>
      alert !== null
        ? `${alert.alert_code} ${alert.status}`
        : change?.fields.find(({ field }) => field === "status")?.after,
    )
  const whole = [
    "seen",
    "funding_seen_unconfirmed raised",
    "confirming",
    "funding_seen_unconfirmed cleared",
    "credited",
  ]

  it("has every event with what it changed, and the alerts about it where they were written", async () => {
    const { items } = await ok(`transfers/${transferId}/timeline`)
    expect(words(items)).toEqual(whole)
    expect(items[0]).toMatchObject({
      event: {
        topic: "ops.funding_observation",
        topic_partition: 0,
        kafka_offset: 0,
        occurred_at: timestamp(at(0)),
        ingested_at: timestamp(written(0)),
        payload: expect.stringContaining(transferId),
      },
    })
  })

  it("is paged without loss, and as of an instant has what was known then", async () => {
    const steps: unknown[] = []
    let cursor = ""
    do {
      const page = await ok(`transfers/${transferId}/timeline?limit=1${cursor}`)
      expect(page.items).toHaveLength(1)
      steps.push(...page.items)
      cursor = page["next_cursor"] === null ? "" : `&cursor=${page["next_cursor"]}`
    } while (cursor !== "")
    expect(words(steps)).toEqual(whole)
    const then = await ok(`transfers/${transferId}/timeline?as_of=${timestamp(written(12))}`)
    expect(words(then.items)).toEqual(whole.slice(0, 2))
    const alertKey = encodeURIComponent(seenUnconfirmed().alert_key)
    expect((await ok(`alerts/${alertKey}/timeline`)).items).toHaveLength(2)
  })
})

it("the answers are documented: every route with its parameters", async () => {
  const document = (await given.get("/openapi.json")).body as unknown as {
    paths: Record<string, { get: { parameters: ReadonlyArray<{ name: string }> } }>
  }
  for (const { list } of projections) {
    const names = document.paths[`/v1/${list}`]?.get.parameters.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(["as_of", "as_of_basis", "wait_for", "format", "cursor"]))
    expect(document.paths[`/v1/${list}/{key}/timeline`]).toBeDefined()
  }
  expect(document.paths["/v1/why/{subject}"]).toBeDefined()
})

it("the answers are as they are documented, with nothing more and nothing less", async () => {
  const fits = (
    schema: Documented,
    { as_of, as_of_basis, position, behind_seconds, ...body }: Answer["body"],
  ) => Schema.decodeUnknownSync(schema, { onExcessProperty: "error" })(body)
  const alert = seenUnconfirmed()
  const subjects = [alert.alert_event_id, fundingObservationId(transferId, 2), transferId, txHash]
  for (const subject of subjects) fits(whySchema, await ok(`why/${subject}`))
  fits(timelineSchema, await ok(`transfers/${transferId}/timeline`))
  for (const { url, response } of auditRoutes(null as never)) {
    if (url.includes(":") || response === null) continue
    fits(response as Documented, (await given.get(url)).body)
  }
})

it("an observation that comes again changes nothing, and one that is older news says so", async () => {
  // As a publisher that forgot what it wrote would: a new id for an old revision.
  const old = { ...observation(1, 15, {}), funding_observation_id: "11111111-1111-4111-8111-111111111111" }
  await given.write(fundingObservationTopic, [old], written(40))
  expect(await ok(`why/${old.funding_observation_id}`)).toMatchObject({
    kind: "event",
    transfer: { status: "credited" },
    changes: [{ projection: "funding_transfer", change: "nothing", fields: [] }],
  })
})
