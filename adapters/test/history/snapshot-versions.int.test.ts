import { projections } from "@landfall/projections/registry"
import { expect, it } from "vitest"
import {
  claimSnapshotVersions,
  requireSnapshotVersions,
  SnapshotVersionDiffers,
} from "../../src/history/snapshot-versions.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { openDatabase } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"

const postgres = givenPostgres()

it("a snapshot is written only by the version of its projection that wrote it first", async () => {
  const url = await postgres.createDatabase("versions")
  const owner = openDatabase(url, { applicationName: "owner" })
  await migrate(owner)
  const writer = openDatabase(url, { applicationName: "writer", role: "landfall_writer" })
  const auditor = openDatabase(url, { applicationName: "auditor", role: "landfall_auditor" })
  const newer = projections.map((projection) =>
    projection.name === "funding_transfer" ? { ...projection, version: projection.version + 1 } : projection,
  )
  await auditor.transaction((transaction) => requireSnapshotVersions(transaction, newer))
  await writer.transaction((transaction) => claimSnapshotVersions(transaction, projections))
  await writer.transaction((transaction) => claimSnapshotVersions(transaction, projections))
  for (const act of [claimSnapshotVersions, requireSnapshotVersions]) {
    const acting = writer.transaction((transaction) => act(transaction, newer))
    await expect(acting).rejects.toThrow(SnapshotVersionDiffers)
    await expect(acting).rejects.toThrow(/funding_transfer is of version 1, this program folds version 2/)
  }
  await auditor.transaction((transaction) => requireSnapshotVersions(transaction, projections))
  for (const database of [owner, writer, auditor]) await database.close()
})
