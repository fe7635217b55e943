import { encodeCursor } from "@landfall/adapters/http/pagination"
import { timestamp } from "@landfall/domain/timestamp"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { projections } from "@landfall/projections/registry"
import { until } from "@landfall/sandbox/until"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { at, type Decided, playMorning, price, transferId, txHash, written } from "./desk.ts"
import { type Answer, type GivenAudit, givenAudit, now_ms } from "./given-audit.ts"

let given: GivenAudit
let decided: Decided
beforeAll(async () => {
  given = await givenAudit()
  decided = await playMorning(given)
}, 60_000)
afterAll(() => given.close(), 60_000)

/** The answer of a question that is served. */
const ok = async (path: string): Promise<Answer["body"]> => {
  const { status, body } = await given.get(`/v1/${path}`)
  expect({ path, status, error: body["error"] }).toEqual({ path, status: 200, error: undefined })
  return body
}

const seenUnconfirmed = () => decided.get("funding_seen_unconfirmed raised")

describe("lists and exports", () => {
  const many = 2_500
  const pairOf = (nth: number) => `P${String(nth).padStart(5, "0")}/EURe`
  beforeAll(() =>
    given.write(
      marketPriceTopic,
      Array.from({ length: many }, (_, nth) => price(30, pairOf(nth))),
      written(30),
    ),
  )

  const text = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${given.url}/v1/${path}`, { headers })
    return { response, text: await response.text() }
  }

  it("give the same rows by pages and as NDJSON, and pages stay whole while rows are added", async () => {
    const seen: unknown[] = []
    let cursor = ""
    do {
      const page = await ok(`prices?limit=400&source=kraken${cursor}`)
      seen.push(...page.items)
      if (cursor === "") await given.write(marketPriceTopic, [price(31, "A/EURe")], written(31))
      cursor = page["next_cursor"] === null ? "" : `&cursor=${page["next_cursor"]}`
    } while (cursor !== "")
    const { response, text: lines } = await text("prices?format=ndjson")
    expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8")
    expect(response.headers.get("landfall-position")).toContain("ref.market_price/0=")
    expect(response.headers.get("landfall-as-of")).toBe(timestamp(now_ms))
    const exported = lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { pair: string })
    expect(exported.filter(({ pair }) => pair !== "A/EURe")).toEqual(seen)
    expect(exported.length).toBe(many + 2)
  })

  it("export the past as well, and events with their exact messages", async () => {
    const past = await text(`prices?as_of=${timestamp(written(13))}`, { accept: "application/x-ndjson" })
    expect(past.text.trimEnd().split("\n")).toHaveLength(1)
    const { text: lines } = await text("observations?format=ndjson")
    const events = lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { payload: string })
    expect(events).toEqual((await ok("evidence/funding-observations")).items)
    expect(JSON.parse(events[0]?.payload ?? "")).toMatchObject({ revision: 1 })
    const late = await ok(
      `observations?ingested_at_from=${timestamp(written(13))}&cause=mined`.replace("&cause=mined", ""),
    )
    expect(late.items).toHaveLength(2)
    expect(
      (await ok(`evidence/market-prices?as_of=${timestamp(at(13))}&as_of_basis=event`)).items,
    ).toHaveLength(2)
  })

  it("write CSV with titles, and no text that a spreadsheet would calculate", async () => {
    const { response, text: csv } = await text("transfers", { accept: "text/csv" })
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8")
    const [titles = "", row = ""] = csv.split("\r\n")
    const cell = (title: string) => row.split(",")[titles.split(",").indexOf(title)]
    expect(cell("transfer_id")).toBe(transferId)
    expect(cell("amount")).toBe("50000000")
    expect(cell("bridge_deposit_tx_hash")).toBe("'=1+1")
    expect(csv).toContain('"{""state"":""ok""')
  })

  it("refuse a third export while two are under way, and end the statements of a client that goes away", async () => {
    // So slow that no test waits for its end: a page of rows each of which takes the server a while.
    await given.sql.unsafe(`
      alter table market_price_snapshot rename to market_price_table;
      create view market_price_snapshot as select *, pg_sleep(0.2)::text as slept from market_price_table;
      grant select on market_price_snapshot to landfall_auditor`)
    try {
      const leaving = new AbortController()
      const reading = [1, 2].map(() =>
        fetch(`${given.url}/v1/prices?format=csv`, { signal: leaving.signal }).catch(
          (error: Error) => error.name,
        ),
      )
      const running = async (): Promise<number> => {
        const rows = await given.sql`select 1 from pg_stat_activity
          where application_name = 'queries' and state = 'active' and query like '%market_price_snapshot%'`
        return rows.length
      }
      await until("both exports run", async () => ((await running()) === 2 ? true : null))
      const third = await text("prices?format=csv")
      expect([third.response.status, third.text]).toEqual([503, expect.stringContaining("ask again later")])
      leaving.abort()
      expect(await Promise.all(reading)).toEqual(["AbortError", "AbortError"])
      await until("no export runs any more", async () => ((await running()) === 0 ? true : null))
      expect(given.logged).toEqual([])
    } finally {
      await given.sql.unsafe(
        "set lock_timeout = '5s'; drop view market_price_snapshot; alter table market_price_table rename to market_price_snapshot",
      )
    }
    await ok("prices?limit=1")
  })
})

describe("the views of an auditor", () => {
  /** Views of what the desk's morning has none of. */
  const without = ["audit_funding_handles", "audit_inventories", "audit_trade_results"]
  const views = [
    "audit_transfers",
    "audit_observations",
    "audit_alerts",
    "audit_alert_events",
    "audit_prices",
    "audit_events",
    "audit_positions",
    ...without,
  ]

  it.each(views)(
    "%s can be read by landfall_auditor alone, and every column says what it is",
    async (view) => {
      await given.sql.begin(async (sql) => {
        await sql`set local role landfall_auditor`
        const rows = await sql.unsafe(`select * from ${view}`)
        expect(rows.length > 0).toBe(!without.includes(view))
      })
      const undocumented = await given.sql`
      select attname from pg_attribute where attrelid = ${view}::regclass and attnum > 0
        and col_description(attrelid, attnum) is null`
      expect(undocumented.map(({ attname }) => attname)).toEqual([])
      const granted = await given.sql`
      select grantee::text, privilege_type from information_schema.role_table_grants
      where table_name = ${view} and grantee <> 'landfall_owner'`
      expect(granted.map((row) => ({ ...row }))).toEqual([
        { grantee: "landfall_auditor", privilege_type: "SELECT" },
      ])
    },
  )

  it("show human names, age and position", async () => {
    const [transfer] = await given.sql`select * from audit_transfers where transaction_hash = ${txHash}`
    expect(transfer).toMatchObject({
      status: "credited",
      deposit_address: "bcrt1qdesk",
      amount_base_units: "50000000",
      observer_state: "ok",
      topic: "ops.funding_observation",
      topic_partition: 0,
      kafka_offset: "2",
    })
    const [alert] = await given.sql`select * from audit_alerts where alert_code = 'funding_seen_unconfirmed'`
    expect(alert).toMatchObject({
      status: "cleared",
      threshold_ms: String(seenUnconfirmed()?.details.window_ms),
    })
    expect(await given.sql`select from audit_observations where transfer_id = ${transferId}`).toHaveLength(3)
    expect(
      await given.sql`select from audit_events where event_id = ${seenUnconfirmed()?.alert_event_id ?? ""}`,
    ).toHaveLength(1)
  })
})

it("a page ends before long messages fill the memory, the next goes on there, and an export has them all", async () => {
  const long = 12
  await given.sql`insert into trade_results (topic_partition, kafka_offset, event_id, leader_epoch, kafka_timestamp_ms,
      payload, command_id, pair, status, occurred_at, ingested_at, leaf_hash)
    select 9, nth, gen_random_uuid(), 0, 0, repeat('x', 1000000), 'c', 'P', 'accepted', now(), ${timestamp(written(0))},
      sha256(nth::text::bytea) from generate_series(1, ${long}) as nth`
  const pages: Array<ReadonlyArray<unknown>> = []
  for (let cursor = ""; pages.length < long; ) {
    const page = await ok(`evidence/trade-results?limit=500&pair=P${cursor}`)
    pages.push(page.items.map((item) => item["kafka_offset"]))
    if (page["next_cursor"] === null) break
    cursor = `&cursor=${page["next_cursor"]}`
  }
  expect(pages.map((page) => page.length)).toEqual([5, 5, 2])
  expect(pages.flat()).toEqual(Array.from({ length: long }, (_, index) => index + 1))
  const exported = await fetch(`${given.url}/v1/evidence/trade-results?format=ndjson&pair=P`)
  expect((await exported.text()).trimEnd().split("\n")).toHaveLength(long)
})

it("a place in a log that no partition has is no place to go on from", async () => {
  const events = encodeCursor("trade-results", ["9999999999", "1"])
  const timeline = encodeCursor("transfers-timeline", ["9999999999", "1", "1"])
  const rows = encodeCursor("prices", ["a\u0000"])
  for (const path of [
    `evidence/trade-results?cursor=${events}`,
    `transfers/${transferId}/timeline?cursor=${timeline}`,
    `prices?cursor=${rows}`,
  ]) {
    const { status, body } = await given.get(`/v1/${path}`)
    expect([path, status, JSON.stringify(body)]).toEqual([path, 400, expect.stringContaining("cursor")])
  }
})

it("while a snapshot is made again, answers stand where it stands, and the past after that is refused", async () => {
  const { sql } = given
  await sql`insert into snapshot_versions (projection, version, frozen_at) values ('funding_transfer', 1, now())`
  await sql`insert into snapshot_positions (projection, copy, topic_partition, next_offset, events)
    values ('funding_transfer', 'live', 0, 1, 1)`
  expect((await ok("transfers"))["position"]).toMatchObject({ "ops.funding_observation": { "0": 1 } })
  expect((await ok("alerts"))["position"]).toMatchObject({ "ops.funding_observation": { "0": 3 } })
  expect((await ok(`transfers?as_of=${timestamp(written(0))}`)).items).toHaveLength(1)
  for (const path of ["transfers?", "transfers?format=csv&", `transfers/${transferId}/timeline?`]) {
    const { status, body } = await given.get(`/v1/${path}as_of=${timestamp(written(13))}`)
    expect([path, status, JSON.stringify(body)]).toEqual([
      path,
      503,
      expect.stringContaining("being made again"),
    ])
  }
  const waited = await given.get("/v1/transfers?wait_for=ops.funding_observation/0=3&wait_ms=10")
  expect(waited.status).toBe(504)
})

it("when a snapshot is swapped, the views read the new one", async () => {
  const { sql } = given
  for (const { name } of projections) {
    await sql`insert into snapshot_versions (projection, version) values (${name}, 1) on conflict do nothing`
    await sql`select create_shadow_snapshot(${name}), index_shadow_snapshot(${name})`
    await sql`select swap_snapshot(${name})`
  }
  for (const view of ["audit_transfers", "audit_alerts", "audit_prices"])
    expect(await sql.unsafe(`select from ${view}`)).toHaveLength(0)
  expect(await sql`select from funding_transfer_previous`).toHaveLength(1)
})
