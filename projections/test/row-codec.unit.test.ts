import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { alert } from "../src/alert.ts"
import { fold } from "../src/fold.ts"
import { fundingTransfer } from "../src/funding-transfer.ts"
import { intentInventory } from "../src/intent-inventory.ts"
import { projections } from "../src/registry.ts"
import { rowDecoder, rowEncoder } from "../src/row-codec.ts"
import { alertHistory } from "../src/testing/alert-history.ts"
import { fundingHistory } from "../src/testing/funding-history.ts"
import { historyOf } from "../src/testing/generators.ts"
import { inventoryHistory } from "../src/testing/other-histories.ts"

describe.each(projections.map((projection) => ({ name: projection.name, projection })))(
  "a $name row in its snapshot table",
  ({ projection }) => {
    it("is read back as it was written, field by field", () => {
      const encode = rowEncoder(projection)
      const decode = rowDecoder(projection)
      fc.assert(
        fc.property(historyOf(projection.topic.name), (events) => {
          for (const row of fold(projection, events).values()) expect(decode(encode(row))).toStrictEqual(row)
        }),
      )
    })

    it("is refused when a column is missing", () => {
      const decode = rowDecoder(projection)
      const [row] = fc
        .sample(historyOf(projection.topic.name), { numRuns: 50, seed: 3 })
        .flatMap((events) => [...fold(projection, events).values()])
      const columns = rowEncoder(projection)(row)
      for (const missing of Object.keys(projection.columns)) {
        const { [missing]: _, ...rest } = columns
        expect(() => decode(rest), missing).toThrow()
      }
    })
  },
)

const sampleRow = <Row>(rows: ReadonlyArray<Row>, wanted: (row: Row) => boolean): Row => {
  const row = rows.find(wanted)
  if (row === undefined) throw new Error("the sample has no such row")
  return row
}

describe("null in SQL", () => {
  it("is an absent field where the row may lack it, and null where the row may hold null", () => {
    const rows = fc
      .sample(fundingHistory, { numRuns: 200, seed: 4 })
      .flatMap((events) => [...fold(fundingTransfer, events).values()])
    const row = sampleRow(rows, (row) => row.tx_hash === null && row.block_hash === undefined)
    const columns = rowEncoder(fundingTransfer)(row)
    expect(columns).toMatchObject({ tx_hash: null, block_hash: null, output_index: null })
    const read = rowDecoder(fundingTransfer)(columns)
    expect(read.tx_hash).toBeNull()
    expect("block_hash" in read).toBe(false)
  })

  it("is kept for cleared_at of a raised alert, where it means that the alert still stands", () => {
    const rows = fc
      .sample(alertHistory, { numRuns: 50, seed: 5 })
      .flatMap((events) => [...fold(alert, events).values()])
    const read = rowDecoder(alert)(rowEncoder(alert)(sampleRow(rows, (row) => row.status === "raised")))
    expect(read.cleared_at).toBeNull()
  })
})

describe("amounts in SQL", () => {
  const rows = fc
    .sample(inventoryHistory, { numRuns: 50, seed: 6 })
    .flatMap((events) => [...fold(intentInventory, events).values()])
  const row = sampleRow(rows, (row) => row.balances.length > 0)

  it("are decimal strings inside json", () => {
    const written = row.balances.map(({ asset_id, spendable, pending_inbound, credited }) => ({
      asset_id,
      spendable: `${spendable}`,
      pending_inbound: `${pending_inbound}`,
      credited: `${credited}`,
    }))
    expect(rowEncoder(intentInventory)(row)["balances"]).toStrictEqual(written)
  })

  it("are refused as numbers, which could have lost digits", () => {
    const columns = rowEncoder(intentInventory)(row)
    const balances = row.balances.map((held) => ({
      ...held,
      spendable: 1,
      pending_inbound: "0",
      credited: "0",
    }))
    expect(() => rowDecoder(intentInventory)({ ...columns, balances })).toThrow()
  })
})
