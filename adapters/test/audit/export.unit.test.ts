import { describe, expect, it } from "vitest"
import { chosenFormat, formatter } from "../../src/audit/export.ts"

describe("CSV", () => {
  const { head, format } = formatter("csv", ["id", "text", "more", "flag"])

  it("has a title line, and rows with the columns in their order", () => {
    expect(head).toBe("id,text,more,flag\r\n")
    expect(format([{ flag: true, id: 12n, text: 'say "hi", twice', more: { a: [1n] } }])).toBe(
      '12,"say ""hi"", twice","{""a"":[""1""]}",true\r\n',
    )
    expect(format([{ id: null, text: "" }])).toBe(",,,\r\n")
  })

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "\t=1"])("keeps %j from being a formula", (text) => {
    expect(format([{ text }])).toBe(`,'${text},,\r\n`)
  })

  it("makes nothing of a formula that is inside of a text, or of a quoted one", () => {
    expect(format([{ text: "a=1+1" }])).toBe(",a=1+1,,\r\n")
    expect(format([{ text: '=HYPERLINK("x","y")' }])).toBe(`,"'=HYPERLINK(""x"",""y"")",,\r\n`)
  })
})

it("NDJSON has one object a line, amounts as text", () => {
  const { head, format } = formatter("ndjson", [])
  expect(head + format([{ amount: 10n ** 20n }, { line: "a\nb" }])).toBe(
    '{"amount":"100000000000000000000"}\n{"line":"a\\nb"}\n',
  )
})

it.each([
  [null, null, null],
  ["csv", "application/json", "csv"],
  ["json", "text/csv", null],
  [null, "text/csv", "csv"],
  [null, "Application/X-NDJSON; q=0.9", "ndjson"],
  [null, "text/html, text/csv;q=0.1", "csv"],
  [null, "*/*", null],
  [null, "application/json, text/csv", null],
  [null, "text/html", null],
] as const)("the parameter %s with Accept %s means %s", (parameter, accept, format) => {
  expect(chosenFormat(parameter, accept)).toBe(format)
})
