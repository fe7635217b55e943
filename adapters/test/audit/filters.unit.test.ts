import { topics } from "@landfall/domain/registry"
import { alertTopic } from "@landfall/domain/topics/alert"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { projections } from "@landfall/projections/registry"
import { describe, expect, it } from "vitest"
import { eventColumns } from "../../src/audit/events.ts"
import { conditionsOf, fieldsOf, filtersOf } from "../../src/audit/filters.ts"

const transfers = filtersOf({
  columns: fundingTransfer.columns as never,
  fields: fieldsOf(fundingTransfer.row),
})

describe("filters", () => {
  it("follow from the columns: words that a column can have, and a from and a before for each time", () => {
    expect(Object.keys(transfers)).toEqual(
      expect.arrayContaining([
        "funding_handle",
        "tx_hash",
        "asset_id",
        "status",
        "first_seen_at_from",
        "credited_at_before",
      ]),
    )
    expect(transfers["status"]?.kind.json).toMatchObject({
      enum: expect.arrayContaining(["seen", "reorged"]),
    })
    expect(transfers["below_minimum"]?.kind.json).toMatchObject({ enum: ["true", "false"] })
    expect(transfers["amount"]).toBeUndefined()
  })

  it.each([
    ["status", "lost", "one of seen, confirming"],
    ["tx_hash", "AB", "64 lowercase hexadecimal digits"],
    ["transfer_id", "1", "a lowercase UUID"],
    ["account_id", "a\nb", "one line of text"],
  ])("%s refuses %j and says what is accepted", (name, value, accepted) => {
    expect(transfers[name]?.kind.read(value)).toMatchObject({ ok: false })
    expect(transfers[name]?.kind.accepted).toContain(accepted)
  })

  it("are there for every projection and every topic, with an example that they accept", () => {
    const lists = [
      ...projections.map(({ columns, row }) => ({ columns, fields: fieldsOf(row) })),
      ...topics.map((topic) => ({ columns: eventColumns(topic), fields: fieldsOf(topic.schema) })),
    ]
    for (const list of lists) {
      const filters = filtersOf(list as never)
      expect(Object.keys(filters).length).toBeGreaterThan(1)
      for (const [name, { kind, absent }] of Object.entries(filters)) {
        expect(kind.accepted, name).not.toBe("")
        expect(absent).toEqual({ is: "value", text: null })
      }
    }
  })

  it("make a condition of each value that is given, and of nothing else", () => {
    const values = {
      status: "raised",
      raised_at_from: "2026-01-01T00:00:00.000Z",
      tx_hash: null,
      payload: "x",
    }
    expect(conditionsOf(eventColumns(alertTopic), values)).toEqual([
      { column: "status", type: "text", is: "=", value: "raised" },
      { column: "raised_at", type: "timestamptz", is: ">=", value: "2026-01-01T00:00:00.000Z" },
    ])
  })
})
