import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { describe, expect, it } from "vitest"
import { holdUnswapped } from "../../src/history/snapshot-table.ts"
import { readStandings } from "../../src/history/snapshot-versions.ts"
import { giveUpRebuild, rebuildProjection } from "../../src/rebuild/rebuild.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"
import { dumpSchema } from "../postgres/schema-dump.ts"
import { givenHistory, observations } from "./given-history.ts"

const postgres = givenPostgres()
const { topic } = fundingTransfer
const records = observations(0, 600)
const half = records.slice(0, 300)
const rest = records.slice(300)

/** Runs a rebuild in a process of its own and kills it at such a step; gives the steps that it told, up to that one. */
const killAt = async (url: string, isIt: (step: string) => boolean): Promise<ReadonlyArray<string>> => {
  const script = fileURLToPath(new URL("rebuild-process.ts", import.meta.url))
  const child = spawn(process.execPath, [script, url], { stdio: ["ignore", "pipe", "inherit"] })
  const told: string[] = []
  for await (const step of createInterface({ input: child.stdout })) {
    if (child.killed) continue
    told.push(step)
    if (isIt(step)) child.kill("SIGKILL")
  }
  return told
}

describe("a rebuild", () => {
  it("makes the same rows beside the live ones, while the writer goes on, and leaves them to be promoted", async () => {
    const { writer, superuser, write, expectWhole, another } = await givenHistory(postgres, "beside", topic)
    await write(half)
    const beside = await rebuildProjection(another(), fundingTransfer)
    expect(beside).toMatchObject({
      projection: "funding_transfer",
      version: 1,
      live_version: 1,
      from: "evidence",
      resumed: false,
      promoted: false,
      events: 300,
      difference: { changed: 0, missing: 0, surplus: 0, same: beside.rows, first: [] },
    })
    await write(rest)
    await expectWhole(fundingTransfer)
    // Goes on where it is: only the rest is folded.
    const promoted = await rebuildProjection(writer, fundingTransfer, { promote: true })
    expect(promoted).toMatchObject({ resumed: true, promoted: true, events: 600 })
    expect(promoted.difference).toMatchObject({ changed: 0, missing: 0, surplus: 0 })
    await expectWhole(fundingTransfer)
    const standings = await superuser.transaction(readStandings)
    expect(standings.get("funding_transfer")).toMatchObject({ version: 1, generation: 2, frozenAtMs: null })
  })

  it("is noticed by a writer with its next batch, and no event is lost or folded twice", async () => {
    const { write, expectWhole, another } = await givenHistory(postgres, "noticed", topic)
    await write(half)
    await rebuildProjection(another(), fundingTransfer, { promote: true })
    await write(rest)
    await expectWhole(fundingTransfer)
  })

  it("leaves the schema as it was: columns, indexes, privileges and owner", async () => {
    const { superuser, write, another } = await givenHistory(postgres, "schema", topic)
    await write(half)
    await superuser.transaction((transaction) =>
      transaction.script(
        `set local role landfall_owner;
         create view credited with (security_barrier = true) as
           select row_key, amount from funding_transfer_snapshot where status = 'credited';
         grant select on credited to landfall_auditor`,
      ),
    )
    const before = await superuser.transaction(dumpSchema)
    for (let time = 0; time < 2; time++) {
      await rebuildProjection(another(), fundingTransfer, { promote: true })
      const after = await superuser.transaction(dumpSchema)
      const sections = after.split("\n\n")
      const previous = sections.filter((section) => section.includes("funding_transfer_previous"))
      expect(previous).toHaveLength(1)
      expect(sections.filter((section) => !previous.includes(section)).join("\n\n")).toBe(before)
      expect(previous[0]?.replaceAll("_previous", "_snapshot").split("\n").sort()).toEqual(
        before
          .split("\n\n")
          .find((section) => section.startsWith("table funding_transfer_snapshot"))
          ?.split("\n")
          .sort(),
      )
    }
    // The view reads the table that is live now.
    const credited = await superuser.transaction(async (transaction) => {
      await transaction.script("update funding_transfer_snapshot set status = 'credited'")
      const [counted] = await transaction.query<{ same: boolean }>(
        `select (select count(*) from credited) = (select count(*) from funding_transfer_snapshot) as same`,
      )
      return counted
    })
    expect(credited).toEqual({ same: true })
  })

  it("shows rows that were changed by hand, field by field, and those that are gone or made up", async () => {
    const { superuser, write, expectWhole, another } = await givenHistory(postgres, "tampered", topic)
    await write(half)
    const tampered = await superuser.transaction(async (transaction) => {
      const [changed, gone] = await transaction.query<{ row_key: string; amount: string }>(
        "select row_key, amount::text from funding_transfer_snapshot order by row_key limit 2",
      )
      await transaction.query("update funding_transfer_snapshot set amount = amount + 1 where row_key = $1", [
        changed?.row_key ?? "",
      ])
      await transaction.query("delete from funding_transfer_snapshot where row_key = $1", [
        gone?.row_key ?? "",
      ])
      await transaction.script(
        "insert into funding_transfer_snapshot (row_key, status, topic_partition, kafka_offset) values ('made up', 'credited', 0, 1)",
      )
      return { changed, gone }
    })
    const { difference, promoted } = await rebuildProjection(another(), fundingTransfer)
    expect(promoted).toBe(false)
    expect(difference).toMatchObject({ changed: 1, missing: 1, surplus: 1, changed_fields: { amount: 1 } })
    const { key, fields } = difference?.first.find(({ kind }) => kind === "changed") ?? {}
    expect(key).toBe(tampered.changed?.row_key)
    const amount = tampered.changed?.amount ?? ""
    expect(fields).toEqual({ amount: { live: String(BigInt(amount) + 1n), rebuilt: amount } })
    expect(difference?.first.find(({ kind }) => kind === "missing")?.key).toBe(tampered.gone?.row_key)
    expect(difference?.first.find(({ kind }) => kind === "surplus")).toMatchObject({
      key: "made up",
      fields: { status: { live: "credited", rebuilt: null } },
    })
    await rebuildProjection(another(), fundingTransfer, { promote: true })
    await expectWhole(fundingTransfer)
  })

  it("is locked against another process, which is told who has it", async () => {
    const { write, another, superuser } = await givenHistory(postgres, "locked", topic)
    await write(half)
    const [one, other] = [another(), another()]
    const [locked, release, begun] = [0, 1, 2].map(() => Promise.withResolvers<void>())
    // The evidence cannot be read, as on a slow disk.
    const blocker = superuser.transaction(async (transaction) => {
      await transaction.script("lock table funding_observations in access exclusive mode")
      locked?.resolve()
      await release?.promise
    })
    await locked?.promise
    const slow = rebuildProjection(one, fundingTransfer, {
      holder: "landfall rebuild on desk-7 (process 42)",
      onProgress: () => begun?.resolve(),
    })
    await begun?.promise
    const second = rebuildProjection(other, fundingTransfer)
    await expect(second).rejects.toThrow(
      /funding_transfer is being rebuilt by landfall rebuild on desk-7 \(process 42\) since \d{4}-.*\(PostgreSQL backend \d+\): wait for it/,
    )
    await expect(rebuildProjection(one, fundingTransfer)).rejects.toThrow(/by this very process/)
    release?.resolve()
    await blocker
    expect(await slow).toMatchObject({ events: 300 })
    // Let go of in the end.
    expect(await rebuildProjection(other, fundingTransfer)).toMatchObject({ resumed: true, events: 300 })
  })

  it("that is interrupted keeps what it has folded, and can be given up", async () => {
    const { write, expectWhole, another, superuser } = await givenHistory(postgres, "interrupted", topic)
    await write(records)
    const stop = new AbortController()
    const limits = { segmentOffsets: 100, flushEvents: 50 }
    const interrupted = rebuildProjection(another(), fundingTransfer, {
      limits,
      signal: stop.signal,
      promote: true,
      onProgress: () => stop.abort(),
    })
    await expect(interrupted).rejects.toThrow(/interrupted after \d+ events, which are kept/)
    const [kept] = await superuser.transaction((transaction) =>
      transaction.query<{ events: string }>(
        "select sum(events)::text as events from snapshot_positions where copy = 'shadow'",
      ),
    )
    expect(Number(kept?.events)).toBeGreaterThan(0)
    expect(Number(kept?.events)).toBeLessThan(600)
    const again = await rebuildProjection(another(), fundingTransfer, { limits, promote: true })
    expect(again).toMatchObject({
      resumed: true,
      events: 600,
      difference: { changed: 0, missing: 0, surplus: 0 },
    })
    await expectWhole(fundingTransfer)

    expect(await giveUpRebuild(another(), fundingTransfer)).toBe(false)
    await rebuildProjection(another(), fundingTransfer)
    expect(await giveUpRebuild(another(), fundingTransfer)).toBe(true)
    const left = await superuser.transaction((transaction) =>
      transaction.query("select tablename from pg_tables where tablename like '%shadow'"),
    )
    expect(left).toEqual([])
  })

  it("goes on after kill -9, wherever that was, with a writer that writes meanwhile", async () => {
    const { url, write, expectWhole, superuser } = await givenHistory(postgres, "killed", topic)
    await write(observations(0, 1_500))
    let written = 1_500
    for (const phase of ["folding 500", "folding", "comparing", "indexing", "promoting"]) {
      // Each goes on from where the one before was killed, and always the writer writes meanwhile.
      const killed = killAt(url, (step) => step.startsWith(phase))
      await write(observations(written, written + 20))
      written += 20
      expect((await killed).at(-1)).toContain(phase)
    }
    const last = await killAt(url, () => false)
    expect(last.at(-1)).toBe(`done ${written}`)
    await expectWhole(fundingTransfer)
    await write(observations(written, written + 100))
    await expectWhole(fundingTransfer)
    const left = await superuser.transaction((transaction) =>
      transaction.query("select copy from snapshot_copies where copy = 'shadow'"),
    )
    expect(left).toEqual([])
  })

  it("without space left promotes nothing, says so, and goes on when there is room", async () => {
    const { superuser, write, expectWhole, another } = await givenHistory(postgres, "full", topic)
    await write(half)
    // As a full disk: the server refuses to write rows of the shadow.
    await superuser.transaction((transaction) =>
      transaction.script(
        `create function full_disk() returns event_trigger language plpgsql security definer as $$
         begin
           if to_regclass('funding_transfer_shadow') is not null and not exists (
             select from pg_trigger where tgname = 'full_disk' and tgrelid = 'funding_transfer_shadow'::regclass) then
             create trigger full_disk before insert on funding_transfer_shadow for each row execute function no_space();
           end if;
         end $$;
         create function no_space() returns trigger language plpgsql as $$
         begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
         create event trigger full_disk on ddl_command_end when tag in ('ALTER TABLE') execute function full_disk()`,
      ),
    )
    await expect(rebuildProjection(another(), fundingTransfer, { promote: true })).rejects.toThrow(
      /no space left for the rebuilt table: nothing was promoted and the live table is as it was/,
    )
    await expectWhole(fundingTransfer)
    await superuser.transaction((transaction) =>
      transaction.script("drop event trigger full_disk; drop trigger full_disk on funding_transfer_shadow"),
    )
    expect(await rebuildProjection(another(), fundingTransfer, { promote: true })).toMatchObject({
      resumed: true,
      events: 300,
    })
    await expectWhole(fundingTransfer)
  })

  it("is noticed by a long transaction that began before the swap and reads the table after it", async () => {
    const { auditor, write, another } = await givenHistory(postgres, "long", topic)
    await write(half)
    const late = auditor.transaction(
      async (transaction) => {
        await transaction.query("select 1")
        await rebuildProjection(another(), fundingTransfer, { promote: true })
        await holdUnswapped(transaction, fundingTransfer)
      },
      { mode: "repeatable read read only" },
    )
    await expect(late).rejects.toThrow(
      /snapshot of funding_transfer was swapped by a rebuild.*run this again/,
    )
    await auditor.transaction((transaction) => holdUnswapped(transaction, fundingTransfer))
  })

  it("waits for those who read the live table, and gives up when they stay", async () => {
    const { auditor, write, expectWhole, another } = await givenHistory(postgres, "read", topic)
    await write(half)
    const [reads, release] = [0, 1].map(() => Promise.withResolvers<void>())
    const reader = auditor.transaction(
      async (transaction) => {
        const rows = await transaction.query("select * from funding_transfer_snapshot")
        reads?.resolve()
        await release?.promise
        expect(await transaction.query("select * from funding_transfer_snapshot")).toEqual(rows)
      },
      { mode: "repeatable read read only" },
    )
    await reads?.promise
    const limits = { lockTimeoutMs: 20, promoteAttempts: 2 }
    const refused = rebuildProjection(another(), fundingTransfer, { promote: true, limits })
    await expect(refused).rejects.toThrow(/was read by long transactions each time \(2 attempts\)/)
    await write(rest) // nobody stands in the writer's way
    release?.resolve()
    await reader
    await rebuildProjection(another(), fundingTransfer, { promote: true })
    await expectWhole(fundingTransfer)
  })

  it("does not promote what was folded from evidence that lacks a row", async () => {
    const { superuser, write, expectWhole, another } = await givenHistory(postgres, "lacking", topic)
    await write(half)
    await superuser.transaction((transaction) =>
      transaction.script(
        `alter table funding_observations disable trigger append_only;
         delete from funding_observations where kafka_offset = 9 and topic_partition = 0;
         alter table funding_observations enable always trigger append_only`,
      ),
    )
    await expect(rebuildProjection(another(), fundingTransfer, { promote: true })).rejects.toThrow(
      /ops\.funding_observation\/0: \d+ events were folded, the log has \d+.*nothing was promoted/,
    )
    await expectWhole(fundingTransfer)
  })

  it.each([
    ["that is no JSON", "payload || '}'", /offsets \d+ to \d+: a payload is not JSON/],
    ["that smuggles in another", "payload || ',8,' || payload", /offsets \d+ to \d+: a payload is not JSON/],
    [
      "that is no record",
      `'{"amount":"1"}'`,
      /funding_observations 0\/9 is no record of ops.funding_observation/,
    ],
  ])("stops at evidence %s", async (what, payload, message) => {
    const { superuser, write, another } = await givenHistory(postgres, what.replaceAll(" ", "_"), topic)
    await write(half)
    await superuser.transaction((transaction) =>
      transaction.script(
        `alter table funding_observations disable trigger append_only;
         update funding_observations set payload = ${payload} where kafka_offset = 9 and topic_partition = 0;
         alter table funding_observations enable always trigger append_only`,
      ),
    )
    await expect(rebuildProjection(another(), fundingTransfer, { promote: true })).rejects.toThrow(message)
  })
})
