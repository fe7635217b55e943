import type { AnyProjection } from "@landfall/projections/registry"
import { projections } from "@landfall/projections/registry"
import { expect, it, onTestFinished } from "vitest"
import {
  claimSnapshotVersions,
  readStandings,
  requireOwnVersions,
  requireSameGeneration,
  requireSnapshotVersions,
  SnapshotSwapped,
  SnapshotVersionDiffers,
} from "../../src/history/snapshot-versions.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { openDatabase } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"

const postgres = givenPostgres()

const asVersion = (version: number): ReadonlyArray<AnyProjection> =>
  projections.map((projection) =>
    projection.name === "funding_transfer" ? { ...projection, version } : projection,
  )

const given = async (name: string) => {
  const url = await postgres.createDatabase(name)
  const owner = openDatabase(url, { applicationName: "owner" })
  await migrate(owner)
  const writer = openDatabase(url, { applicationName: "writer", role: "landfall_writer" })
  const auditor = openDatabase(url, { applicationName: "auditor", role: "landfall_auditor" })
  onTestFinished(async () => {
    for (const database of [owner, writer, auditor]) await database.close()
  })
  const claim = (all: ReadonlyArray<AnyProjection>) =>
    writer.transaction((transaction) => claimSnapshotVersions(transaction, all))
  const require = (all: ReadonlyArray<AnyProjection>) =>
    auditor.transaction((transaction) => requireSnapshotVersions(transaction, all))
  return { claim, require, standings: () => auditor.transaction(readStandings) }
}

it("a snapshot that was never written is of any version, then of the one that claimed it first", async () => {
  const { claim, require } = await given("first")
  await require(asVersion(7))
  expect(await claim(projections)).toEqual([])
  expect(await claim(projections)).toEqual([])
  await require(projections)
  await expect(require(asVersion(2))).rejects.toThrow(
    /funding_transfer is of version 1, this program folds version 2/,
  )
})

it("a newer version freezes the snapshot, which nobody writes from then on, and has to rebuild it", async () => {
  const { claim, require, standings } = await given("newer")
  await claim(projections)
  const before = await standings()
  const due = await claim(asVersion(2))
  expect(due.map(({ name, version }) => [name, version])).toEqual([["funding_transfer", 2]])
  const frozen = await standings()
  expect(frozen.get("funding_transfer")).toMatchObject({ version: 1, generation: 2 })
  expect(frozen.get("funding_transfer")?.frozenAtMs).not.toBeNull()
  expect(() => requireSameGeneration(before, frozen)).toThrow(SnapshotSwapped)
  // A session of either version may begin: neither folds into the frozen table.
  for (const version of [1, 2]) requireOwnVersions(frozen, asVersion(version))
  await expect(require(projections)).rejects.toThrow(/funding_transfer is frozen/)
  // Claimed again, also by the version that wrote it: it stands where it stood, and is due until it was rebuilt.
  for (const version of [2, 1]) expect(await claim(asVersion(version))).toHaveLength(1)
  expect(await standings()).toEqual(frozen)
})

it("an older version neither claims a snapshot nor goes on beside it", async () => {
  const { claim, standings } = await given("older")
  await claim(asVersion(2))
  await expect(claim(projections)).rejects.toThrow(SnapshotVersionDiffers)
  await expect(claim(projections)).rejects.toThrow(
    /is of version 2, this program folds version 1: run the version that wrote it, or go back/,
  )
  const now = await standings()
  expect(() => requireOwnVersions(now, projections)).toThrow(/another program has taken over/)
})
