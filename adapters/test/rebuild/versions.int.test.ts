import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import {
  type FundingTransfer,
  FundingTransfer as FundingTransferRow,
  fundingTransfer,
} from "@landfall/projections/funding-transfer"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { audited } from "../../src/audit/position.ts"
import { listRows } from "../../src/audit/rows.ts"
import { readStandings } from "../../src/history/snapshot-versions.ts"
import {
  type BackgroundEvent,
  type BackgroundRebuild,
  type BackgroundRebuilds,
  rebuildInWords,
  startBackgroundRebuilds,
} from "../../src/rebuild/in-background.ts"
import { rebuildProjection, rollBackProjection } from "../../src/rebuild/rebuild.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"
import { givenHistory, observations } from "./given-history.ts"

const postgres = givenPostgres()
const { topic } = fundingTransfer
const half = observations(0, 300)
const rest = observations(300, 600)

/** The next version, which makes ten observations of each. */
const nextVersion: AnyProjection = {
  ...fundingTransfer,
  version: 2,
  evolve: (row: FundingTransfer | null, seen: FundingObservation) => {
    const next = fundingTransfer.evolve(row, seen)
    return next === null || next === row ? next : { ...next, observations: 10 * seen.revision }
  },
}
const nextProgram = projections.map((one) => (one.name === nextVersion.name ? nextVersion : one))

describe("a rollback", () => {
  it("puts the previous table back, with what came in since", async () => {
    const { superuser, write, expectWhole, another } = await givenHistory(postgres, "back", topic)
    await write(half)
    await rebuildProjection(another(), fundingTransfer, { promote: true })
    await write(rest)
    const tamper = "update funding_transfer_snapshot set status = 'credited'"
    await superuser.transaction((transaction) => transaction.script(tamper))
    const back = await rollBackProjection(another(), fundingTransfer)
    expect(back).toMatchObject({ promoted: true, from: "live", events: 600 })
    expect(back.difference?.changed_fields).toHaveProperty("status")
    await expectWhole(fundingTransfer)
    await write(observations(600, 650))
    await expectWhole(fundingTransfer)
    // What was live is the previous table now.
    expect(await rollBackProjection(another(), fundingTransfer)).toMatchObject({ promoted: true })
  })

  it("is refused, with the reason, when there is no previous table or when it is of another version", async () => {
    const { write, another, deploy, expectWhole } = await givenHistory(postgres, "refused", topic)
    await write(half)
    await expect(rollBackProjection(another(), fundingTransfer)).rejects.toThrow(
      /no previous table of funding_transfer to go back to/,
    )
    await deploy(nextProgram)
    await rebuildProjection(another(), nextVersion, { promote: true })
    await expect(rollBackProjection(another(), nextVersion)).rejects.toThrow(
      /previous table of funding_transfer is of version 1, this program folds version 2/,
    )
    await write(rest)
    await expectWhole(nextVersion)
    // The program that wrote it can.
    expect(await rollBackProjection(another(), fundingTransfer)).toMatchObject({
      version: 1,
      live_version: 2,
    })
    await deploy(projections)
    await write(observations(600, 650))
    await expectWhole(fundingTransfer)
  })
})

describe("a projection of a new version", () => {
  it("is read as it was while it is rebuilt, evidence goes on, and then the new one is live", async () => {
    const { auditor, superuser, write, deploy, expectWhole, another } = await givenHistory(
      postgres,
      "versions",
      topic,
    )
    await write(half)
    expect((await deploy(nextProgram)).map(({ name }) => name)).toEqual(["funding_transfer"])
    const shown = (program: AnyProjection) =>
      auditor.transaction(
        audited(
          (transaction) => listRows(transaction, program, { conditions: [], after: null, asOf: null }, 1_000),
          null,
          program,
        ),
        { mode: "repeatable read read only" },
      )
    const before = await shown(nextVersion)
    expect(before.rebuilding).toEqual({ version: 1 })
    await write(rest) // evidence alone: the snapshot stands where it was frozen
    expect(await shown(nextVersion)).toEqual(before)
    // Also when the new version would not take such rows: they are shown as the table has them.
    const stricter = Schema.Struct({ ...FundingTransferRow.fields, observations: Schema.Literal("many") })
    const asTheyAre = await shown({ ...nextVersion, row: stricter } as AnyProjection)
    expect(asTheyAre.rows.map(({ row }) => (row as FundingTransfer).observations)).toEqual(
      before.rows.map(({ row }) => (row as FundingTransfer).observations),
    )
    const rebuilt = await rebuildProjection(another(), nextVersion, { promote: true })
    expect(rebuilt).toMatchObject({ version: 2, live_version: 1, events: 600, promoted: true })
    // The difference is told at the position at which the old table stands.
    expect(rebuilt.difference).toMatchObject({ missing: 0, surplus: 0 })
    expect(Object.keys(rebuilt.difference?.changed_fields ?? {})).toEqual(["observations"])
    const standings = await superuser.transaction(readStandings)
    expect(standings.get("funding_transfer")).toMatchObject({ version: 2, frozenAtMs: null })
    expect((await shown(nextVersion)).rebuilding).toBeNull()
    await write(observations(600, 650))
    await expectWhole(nextVersion)
  })

  it("is rebuilt in the background of the program that needs it, by one of its instances alone", async () => {
    const { write, deploy, expectWhole, another } = await givenHistory(postgres, "background", topic)
    await write(half)
    const due = await deploy(nextProgram)
    const seen: BackgroundRebuild[] = []
    const events: BackgroundEvent[] = []
    const start = (holder: string) => {
      const rebuilds: BackgroundRebuilds = startBackgroundRebuilds({
        ...{ projections: due, database: another(), holder, retryMs: 10, now: () => performance.now() },
        onEvent: (event) => {
          events.push(event)
          seen.push(...rebuilds.now())
        },
      })
      return rebuilds
    }
    const instances = [start("one"), start("other")]
    expect(instances[0]?.now()).toMatchObject([
      { projection: "funding_transfer", to_version: 2, phase: "waiting" },
    ])
    await Promise.all([...instances.map(({ done }) => done), write(rest)])
    expect(instances.map((one) => one.now())).toEqual([[], []])
    expect(events.filter(({ type }) => type === "rebuilt")).toHaveLength(1)
    expect(seen).toContainEqual(expect.objectContaining({ from_version: 1, to_version: 2 }))
    await write(observations(600, 650))
    await expectWhole(nextVersion)
    const told = {
      ...(seen[0] as BackgroundRebuild),
      from_version: 1,
      events: 5,
      total: 9,
      estimate_seconds: 3,
    }
    expect(rebuildInWords(told)).toBe(
      "funding_transfer is rebuilding from version 1 to 2: 5 of 9 events folded, about 3 s left",
    )
  })

  it("ends the sessions of programs of the older one, which write nothing into the new table", async () => {
    const { write, deploy, another } = await givenHistory(postgres, "stand_down", topic)
    await write(half)
    await rebuildProjection(another(), nextVersion, { promote: true })
    await expect(write(rest)).rejects.toThrow(
      /is of version 2, this program folds version 1: another program has taken over/,
    )
    await expect(deploy(projections)).rejects.toThrow(/run the version that wrote it/)
  })
})
