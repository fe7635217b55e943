import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { givenHouse, type House } from "./given-house.ts"
import { creditedHash, creditedId, eureHash, stuckHash, stuckId, twinHash } from "./history.ts"
import { replayCases } from "./replay-cases.ts"
import { cliOf, runCli, runHere } from "./run-cli.ts"

let house: House
beforeAll(async () => {
  house = await givenHouse()
}, 120_000)
afterAll(() => house.close(), 60_000)

const { landfall, json } = cliOf(() => house)

const topic = "ops.funding_observation"

const env = () => ({ DATABASE_URL: house.url, KAFKA_BROKERS: house.kafka.brokers })

describe("the program as a process", () => {
  it("ends with the code that tells what happened, with results alone on stdout", async () => {
    const [unknown, failed, difference] = await Promise.all([
      runCli(["fundings"], env()),
      runCli(["timeline", "0123456789"], env()),
      runCli(["doctor", "--json"], { ...env(), BRIDGE_URL: "http://127.0.0.1:9" }),
    ])
    expect(unknown).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("Did you mean funding?"),
    })
    expect(failed).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("no transfer is recorded"),
    })
    expect(difference.code).toBe(3)
    expect(JSON.parse(difference.stdout)).toMatchObject({ healthy: false })
  })
})

describe("an answer", () => {
  it("says as of when, at which position and how far behind Kafka it is", async () => {
    const answer = await json("funding")
    expect(answer).toMatchObject({
      as_of: expect.stringMatching(/Z$/),
      position: { [topic]: { "0": expect.any(Number), "1": expect.any(Number) } },
      behind_seconds: { [topic]: 0 },
    })
    const { code, stdout } = await runCli(["funding"], env())
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /\nas of \S+Z\nposition ops\.funding_observation\/0=\d+,ops\.funding_observation\/1=\d+\n/,
    )
    expect(stdout).toContain(`${topic}: 0 s behind Kafka`)
    expect(stdout).not.toContain("\u001b")
  })

  it("says that it is not known how far behind it is, without Kafka", async () => {
    const ran = await runCli(["funding", "--json"], { DATABASE_URL: house.url })
    expect(ran.code).toBe(0)
    expect(JSON.parse(ran.stdout)).toMatchObject({ behind_seconds: { [topic]: null } })
    expect(ran.stderr).toContain("how far the answer is behind Kafka is not known: KAFKA_BROKERS is not set")
  })
})

describe("funding", () => {
  it("shows ids, hashes, confirmations and exact amounts whole", async () => {
    const { items } = await json<{ items: ReadonlyArray<Record<string, unknown>> }>(
      "funding",
      "--status",
      "credited",
    )
    expect(items).toEqual([
      expect.objectContaining({
        transfer_id: creditedId,
        tx_hash: creditedHash,
        amount: "50000000",
        confirmations: 2,
        confirmations_required: 2,
        bridge_deposit_tx_hash: "99".repeat(32),
      }),
    ])
    const { stdout } = await landfall("funding", "--tx-hash", eureHash)
    expect(stdout).toContain("1.2345 EURe")
    expect(stdout).toContain("1234500000000000000 base units")
    expect(stdout).toContain(`${eureHash}:0`)
    expect(stdout).not.toContain(creditedHash)
  })

  it("is filtered by handle and asset, and paged by cursor", async () => {
    const idsOf = ({ items }: { items: ReadonlyArray<{ transfer_id: string }> }) =>
      items.map((item) => item.transfer_id)
    expect(idsOf(await json("funding", "--handle", "bcrt1qother"))).toEqual([creditedId])
    expect(idsOf(await json("funding", "--asset", "nep141:btc.omft.near", "--handle", "0xdesk"))).toEqual([])
    type Page = { items: ReadonlyArray<{ transfer_id: string }>; next_cursor: string | null }
    const first = await json<Page>("funding", "--limit", "3")
    const second = await json<Page>("funding", "--limit", "3", "--cursor", first.next_cursor ?? "")
    expect([...idsOf(first), ...idsOf(second)]).toHaveLength(4)
    expect(second.next_cursor).toBeNull()
  })
})

describe("alerts", () => {
  it("shows what is active, and on request what was cleared", async () => {
    type Answer = { items: ReadonlyArray<{ alert_code: string; status: string }> }
    const brief = ({ items }: Answer) => items.map(({ alert_code, status }) => `${alert_code} ${status}`)
    expect(brief(await json<Answer>("alerts"))).toEqual(["funding_seen_unconfirmed raised"])
    expect(brief(await json<Answer>("alerts", "--all"))).toEqual([
      "funding_confirmed_credit_pending cleared",
      "funding_seen_unconfirmed raised",
      "reference_price_stale cleared",
    ])
    expect(brief(await json<Answer>("alerts", "--all", "--code", "reference_price_stale"))).toHaveLength(1)
    expect((await landfall("alerts", "--code", "funding_stuck")).stdout).toContain("no alert is active")
  })
})

describe("timeline", () => {
  it("has every observation and alert of a transfer in order, by its hash or id", async () => {
    type Step = { kind: string; event: { payload: string } }
    type Answer = { items: ReadonlyArray<Step> }
    const { items } = await json<Answer>("timeline", creditedHash.slice(0, 8))
    const steps = items.map(({ kind, event }) => `${kind} ${JSON.parse(event.payload).status}`)
    expect(steps.filter((step) => step.startsWith("event"))).toEqual([
      "event seen",
      "event confirmed",
      "event credited",
    ])
    expect(steps.filter((step) => step.startsWith("alert"))).toEqual(["alert raised", "alert cleared"])
    expect((await json<Answer>("timeline", creditedId)).items).toEqual(items)
    const { stdout } = await landfall("timeline", stuckId)
    expect(stdout).toContain("raised funding_seen_unconfirmed (warning): seen but unmined for more than 1 h")
    expect(stdout).toMatch(/ops\.funding_observation\/\d@\d+/)
  })

  it("asks which one when several are meant, and says when there is none", async () => {
    const several = await landfall("timeline", stuckHash.slice(0, 4))
    expect(several).toMatchObject({ code: 1, stdout: "" })
    expect(several.stderr).toContain("abab names 2 transfers; say which")
    for (const hash of [stuckHash, twinHash]) expect(several.stderr).toContain(`${hash}:0`)
    const none = await landfall("timeline", "0123456789")
    expect(none).toMatchObject({ code: 1, stdout: "" })
    expect(none.stderr).toContain("no transfer is recorded as 0123456789")
  })
})

describe("the past", () => {
  it("is shown as it was, by what had been recorded or had happened, and must have come", async () => {
    type Answer = { items: ReadonlyArray<{ last_seen_at: string }> }
    const [credited] = (await json<Answer>("funding", "--tx-hash", creditedHash)).items
    const before = new Date(Date.parse(credited?.last_seen_at ?? "") - 1).toISOString()
    const past = (...more: ReadonlyArray<string>) => json<Answer>(...more, "--as-of", before)
    expect(await past("funding", "--tx-hash", creditedHash, "--as-of-basis", "event")).toMatchObject({
      as_of: before,
      as_of_basis: "event",
      position: { [topic]: { "0": expect.any(Number) } },
      items: [{ status: "confirmed" }],
    })
    expect((await past("alerts", "--all")).items).toEqual([]) // all of it was recorded later
    const { stdout } = await landfall("timeline", creditedId, "--as-of", before, "--as-of-basis", "event")
    expect(stdout).toContain(", confirmed\n")
    expect(stdout).toContain("the past: what had happened by then")
    const future = await landfall("funding", "--as-of", "2999-01-01T00:00:00Z")
    expect(future).toMatchObject({ code: 2, stdout: "" })
    expect(future.stderr).toContain("has not come yet")
  })
})

describe("why", () => {
  it("leads from an alert to rule, threshold, observed value, position and events of its raise and clear", async () => {
    const alert = house.alerts.find((one) => one.alert_code === "reference_price_stale")
    if (alert === undefined) throw new Error("the price of the history grew stale")
    const told = await json("why", alert.alert_event_id)
    expect(told).toMatchObject({
      kind: "alert",
      alert: {
        raise: {
          threshold: { window_ms: alert.details.window_ms, settings: expect.any(Object) },
          position: alert.details.cut,
          evidence: [{ topic: "ref.market_price", event: { payload: expect.stringContaining("60000.1") } }],
        },
        clear: { reason: expect.stringContaining("came") },
      },
    })
    const { stdout } = await landfall("why", alert.alert_key)
    expect(stdout).toContain(`Raised as of ${alert.raised_at}: ${alert.reason}`)
    expect(stdout).toMatch(
      /threshold [^]*observed [^]*position {3}ref\.[^]*"pair":"BTC\/EURe"[^]*Cleared as of /,
    )
    const event = await landfall("why", alert.details.evidence[0]?.event_id ?? "")
    expect(event.stdout).toContain("It added market_price BTC/EURe:\n  price_event_id: - -> ")
    expect(event.stdout).toMatch(/Named as evidence by:\n {2}reference_price_stale raised/)
  })

  it("leads from a transaction to the timeline, and says when nothing of the name is recorded", async () => {
    const told = await landfall("why", creditedHash.toUpperCase())
    expect(told.stdout).toContain(`transfer ${creditedId} is credited`)
    expect(told.stdout).toContain("status: confirmed -> credited")
    const none = await landfall("why", "00000000-0000-4000-8000-000000000000")
    expect(none).toMatchObject({ code: 1, stdout: "" })
    expect(none.stderr).toContain("nothing is recorded as 00000000-0000-4000-8000-000000000000")
  })
})

describe("status", () => {
  it("shows every partition, snapshot, alert, dead letter and asset", async () => {
    const status = await json("status")
    expect(status).toMatchObject({
      behind_seconds: { [topic]: 0, "ref.market_price": 0 },
      snapshots: expect.arrayContaining([
        { projection: "funding_transfer", version: 1, program_version: 1, rows: 4 },
      ]),
      open_dead_letters: { [topic]: 1 },
      degraded_keys: 1,
      active_alerts: [{ alert_code: "funding_seen_unconfirmed", severity: "warning", count: 1 }],
      uncredited_funding_total_by_asset: [
        { asset_id: "nep141:btc.omft.near", chain: "bitcoin", transfers: 2, total: "100000000" },
        { asset_id: "nep141:gnosis-0x420c.omft.near", transfers: 1, total: "1234500000000000000" },
      ],
    })
    const { stdout } = await landfall("status")
    expect(stdout).toContain("1.2345 EURe")
    expect(stdout).toMatch(/ops\.funding_observation +0 +\d+ +\d+ +0 +0\.0/)
  })

  it("shows what is not recorded yet, and for how long", async () => {
    await house.publish([{ topic: "exec.trade_result", key: "BTC/EURe", record: "not yet recorded" }])
    type Status = {
      behind_seconds: Record<string, number>
      partitions: ReadonlyArray<Record<string, unknown>>
    }
    const { behind_seconds, partitions } = await json<Status>("status")
    expect(behind_seconds["exec.trade_result"]).toBeGreaterThan(0)
    const behind = partitions.filter(({ messages }) => messages !== 0)
    expect(behind).toEqual([expect.objectContaining({ topic: "exec.trade_result", messages: 1 })])
  })
})

describe("doctor", () => {
  it("finds nothing wrong with parts that are well", async () => {
    const { healthy, findings } = await json<{
      healthy: boolean
      findings: ReadonlyArray<Record<string, string>>
    }>("doctor")
    expect(healthy).toBe(true)
    expect(
      findings.filter(({ state }) => state === "ok").map(({ part, check }) => `${part} ${check}`),
    ).toEqual([
      "node version",
      "postgres reachable",
      "postgres migrated",
      "postgres roles",
      "postgres login",
      "postgres append-only",
      "postgres snapshots",
      "kafka reachable",
      "kafka topics",
      "kafka topic ids",
      "kafka offsets",
      "kafka transactions",
      "kafka cleanup.policy",
      "kafka message.timestamp.type",
      "kafka retention.ms",
    ])
  })

  it("says what is wrong and what to do, and ends with 3", async () => {
    const ran = await runHere(["doctor"], { DATABASE_URL: house.emptyUrl, KAFKA_BROKERS: "127.0.0.1:9" })
    expect(ran.code).toBe(3)
    expect(ran.stdout).toMatch(/WRONG +postgres +migrated: missing: 1 \(roles\)/)
    expect(ran.stdout).toContain("→ run `landfall migrate`")
    expect(ran.stdout).toMatch(/WRONG +kafka +reachable/)
    expect(ran.stdout).toMatch(/\? +bitcoin +configured: BITCOIN_OBSERVER_URL is not set/)
    expect(ran.stdout).toContain("wrong: 2")
  })
})

describe("an auditor who may only read", () => {
  it("is answered everything, and can change nothing", async () => {
    await house.database.transaction((transaction) =>
      transaction.script("create role an_auditor login password 'only-reading' in role landfall_auditor"),
    )
    const url = new URL(house.url)
    url.username = "an_auditor"
    url.password = "only-reading"
    const env = { DATABASE_URL: url.href, KAFKA_BROKERS: house.kafka.brokers }
    const asked = [["status"], ["alerts"], ["replay", "alerts"], ["replay", "alert", "--check"], ["doctor"]]
    const answers = await Promise.all(asked.map((args) => runHere([...args, "--json"], env)))
    expect(answers.map(({ code, stderr }) => ({ code, error: stderr.match(/error.*/)?.[0] }))).toEqual(
      asked.map(() => ({ code: 0, error: undefined })),
    )
    const refused = await runHere(["replay", "alert", "--hash"], { ...env, DATABASE_ROLE: "landfall_writer" })
    expect(refused).toMatchObject({ code: 1, stdout: "" })
    expect(refused.stderr).toContain('permission denied to set role "landfall_writer"')
    expect(refused.stderr).not.toContain("only-reading")
  })
})

replayCases(() => house)

describe("a topic that was made anew, and is compacted", () => {
  it("is found by the doctor, with what to do", async () => {
    await house.recreate("ref.market_price", { "cleanup.policy": "compact" })
    const { code, stdout } = await landfall("doctor")
    expect(code).toBe(3)
    expect(stdout).toContain("topic ids: not the topics that were recorded: ref.market_price")
    expect(stdout).toMatch(/offsets: ref\.market_price\/\d is to go on at 2, and Kafka has 0 to 0/)
    expect(stdout).toContain("cleanup.policy: ref.market_price has compact")
    expect(stdout).toContain("→ set cleanup.policy=delete for them")
    expect(stdout).toContain("wrong: 3")
  })
})
