import { describe, expect, it } from "vitest"
import type { House } from "./given-house.ts"
import { creditedId } from "./history.ts"
import { cliOf } from "./run-cli.ts"

const topic = "ops.funding_observation"

/** What replays answer about the house's history; the last case tampers with it. */
export const replayCases = (house: () => House): void => {
  const { landfall, json } = cliOf(house)

  describe("replay", () => {
    type State = {
      hash: string
      position: Record<string, Record<string, number>>
      row_count: number
      events: number
    }

    it("gives the same hash from evidence, from topics and of the live snapshot", async () => {
      const hash = ["replay", "funding_transfer", "--hash"] as const
      const [evidence, topics, live] = await Promise.all([
        json<State>(...hash),
        json<State>(...hash, "--from", "topics"),
        json<State>(...hash, "--live"),
      ])
      expect(evidence).toMatchObject({ row_count: 4, events: 6, position: live.position })
      expect(topics).toMatchObject({ events: 6, unreadable: 1, position: live.position })
      expect([topics.hash, live.hash]).toEqual([evidence.hash, evidence.hash])
      expect((await landfall("replay", "funding_transfer", "--hash")).stdout).toBe(`${evidence.hash}\n`)
    })

    it("prints the rows at any position, whole and in key order", async () => {
      const all = await landfall("replay", "funding_transfer", "--ndjson")
      const keys = all.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).key)
      expect(keys).toEqual(keys.toSorted())
      expect(keys).toHaveLength(4)
      const first = ["--end", `${topic}/0=1`] as const
      type Rows = State & { rows: ReadonlyArray<{ row: { status: string; observations: number } }> }
      const before = await json<Rows>("replay", "funding_transfer", ...first)
      expect(before).toMatchObject({ events: 1, position: { [topic]: { "0": 1, "1": 0 } } })
      expect(before.rows).toEqual([
        expect.objectContaining({ row: expect.objectContaining({ observations: 1 }) }),
      ])
      const fromTopics = await json<Rows>("replay", "funding_transfer", ...first, "--from", "topics")
      expect(fromTopics.rows).toEqual(before.rows)
    })

    it("makes every alert decision again, from evidence and from topics", async () => {
      expect(house().alerts).toHaveLength(5)
      for (const from of ["evidence", "topics"])
        expect(await json("replay", "alerts", "--from", from)).toMatchObject({
          transitions: 5,
          waiting: 0,
          same: true,
          differences: [],
        })
    })

    const refusals: ReadonlyArray<readonly [string, ReadonlyArray<string>, number, string]> = [
      [
        "an offset that there is not",
        ["funding_transfer", "--end", `${topic}/0=999`],
        1,
        `the evidence ends at offset 3 of ${topic}/0`,
      ],
      [
        "a partition that there is not",
        ["funding_transfer", "--start", `${topic}/7=0`],
        1,
        `has no partition 7 of ${topic}`,
      ],
      [
        "a position of another topic",
        ["funding_transfer", "--end", "ref.market_price/0=1"],
        1,
        `names no partition of ${topic}`,
      ],
      [
        "an offset that Kafka does not have",
        ["market_price", "--from", "topics", "--end", "ref.market_price/0=99"],
        1,
        "Kafka ends at offset",
      ],
      [
        "an unknown projection",
        ["funding_transfers"],
        2,
        "it is none of them; expected one of alerts, funding_transfer",
      ],
      [
        "no position",
        ["funding_transfer", "--end", "soon"],
        2,
        '--end "soon": "soon" is not TOPIC/PARTITION=OFFSET',
      ],
      [
        "--check with a position",
        ["funding_transfer", "--check", "--end", `${topic}/0=1`],
        2,
        "leave out --start and --end",
      ],
      ["--hash of alerts", ["alerts", "--hash"], 2, "only --from and --json go with them"],
    ]
    it("refuses what there is not, and what does not go together", async () => {
      await Promise.all(
        refusals.map(async ([what, args, code, words]) => {
          const ran = await landfall("replay", ...args)
          expect(ran, what).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(words) })
          if (code === 2) expect(ran.stderr).toContain("Usage: landfall replay")
        }),
      )
    })
  })

  describe("a record that was tampered with", () => {
    /** Changes what only a superuser can, with the trigger switched off. */
    const tamper = (table: string, change: string): Promise<void> =>
      house().database.transaction((transaction) =>
        transaction.script(
          `alter table ${table} disable trigger append_only; ${change}; alter table ${table} enable always trigger append_only`,
        ),
      )

    it("is found by a replay: rows, and alerts that are missing, extra or otherwise, with their evidence", async () => {
      await house().database.transaction((transaction) =>
        transaction.script(
          `update funding_transfer_snapshot set amount = amount + 1 where transfer_id = '${creditedId}'`,
        ),
      )
      const rows = await landfall("replay", "funding_transfer", "--check")
      expect(rows).toMatchObject({ code: 3, stderr: expect.not.stringContaining("error") })
      expect(rows.stdout).toContain(`${creditedId} differs`)
      expect(rows.stdout).toContain("1 rows differ")

      await tamper(
        "ops_alerts",
        `delete from ops_alerts where alert_code = 'funding_confirmed_credit_pending' and status = 'raised';
       update ops_alerts set payload = replace(payload, '"warning"', '"critical"') where alert_code = 'funding_seen_unconfirmed'`,
      )
      const alerts = await landfall("replay", "alerts")
      expect(alerts).toMatchObject({ code: 3, stderr: expect.not.stringContaining("error") })
      expect(alerts.stdout).toMatch(/MISSING {2}raised funding_confirmed_credit_pending:\S+ episode/)
      expect(alerts.stdout).toMatch(/EXTRA {2}cleared funding_confirmed_credit_pending:\S+ episode 1/)
      expect(alerts.stdout).toMatch(/DIFFERS {2}raised funding_seen_unconfirmed:\S+ episode 1/)
      expect(alerts.stdout).toMatch(/ {2}evidence {2}ops\.funding_observation\/\d@\d event [0-9a-f-]{36}/)
      expect((await landfall("replay", "alerts", "--from", "topics")).code).toBe(0)
    })
  })
}
