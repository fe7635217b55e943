import { amount } from "@landfall/domain/amount"
import fc from "fast-check"
import stringWidth from "string-width"
import { describe, expect, it } from "vitest"
import { ago } from "../src/output/ago.ts"
import { humanAmount } from "../src/output/amount.ts"
import { openOutput, type Streams } from "../src/output/output.ts"
import { harmless, printable } from "../src/output/printable.ts"
import { progressLine } from "../src/output/progress.ts"
import { tableLines } from "../src/output/table.ts"

describe("text from data", () => {
  it("cannot act on a terminal: every control character is shown as an escape", () => {
    expect(printable("a\u001b[2Jb\nc\u202ed\u009be\tf")).toBe("a\\u001b[2Jb\\u000ac\\u202ed\\u009be\\u0009f")
    expect(printable("bc1q… €, 取引")).toBe("bc1q… €, 取引")
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u)
        expect(printable(text).isWellFormed()).toBe(true)
      }),
    )
  })
})

describe("whatever is written", () => {
  const hostile = "\u001b[2J\u001b]0;owned\u0007\u001b[8m\u009b31m\u007f\u202e\u2028\u200f\r"
  const acts = /[^\n\x20-\x7e]/

  /** What a command writes that forgot to make its data printable. */
  const written = async (json: boolean): Promise<{ readonly out: string; readonly err: string }> => {
    const texts = { out: "", err: "" }
    const into = (name: "out" | "err") => ({
      write: (text: string | Uint8Array) => {
        texts[name] += text
        return true
      },
      once: () => process.stdout,
      isTTY: true,
      columns: 80,
    })
    const streams = { stdout: into("out"), stderr: into("err") } as unknown as Streams
    const output = openOutput({ json, env: { NO_COLOR: "1" }, streams })
    output.note(hostile)
    output.result({ [hostile]: hostile }, () => output.line(hostile))
    output.line()
    await output.record({ hostile })
    await output.document({ hostile }, "items", [hostile])
    return texts
  }

  it("acts on no terminal, and as JSON it is what it was", async () => {
    const people = await written(false)
    const programs = await written(true)
    for (const text of [people.out, people.err, programs.out]) expect(text).not.toMatch(acts)
    const [whole = "", , ...rest] = programs.out.split("\n\n")
    expect(JSON.parse(whole)).toEqual({ [hostile]: hostile })
    expect(rest).toEqual([])
    const [record = "", ...document] = programs.out.slice(whole.length + 2).split("\n")
    expect(JSON.parse(record)).toEqual({ hostile })
    expect(JSON.parse(document.join("\n"))).toEqual({ hostile, items: [hostile] })
  })

  it("keeps our own lines and colours", () => {
    const ours = "\u001b[1mTITLE\u001b[22m\n\u001b[31mwrong\u001b[39m"
    expect(harmless(ours)).toBe(ours)
    expect(harmless("\u001b[8mhidden")).toBe("\\u001b[8mhidden")
  })
})

describe("a table", () => {
  const columns = [
    { title: "name", of: (row: { name: string | null; count: number }) => row.name },
    {
      title: "count",
      of: (row: { name: string | null; count: number }) => row.count,
      align: "right" as const,
    },
  ]

  it("lines its columns up, whatever script a cell is in, and cuts nothing", () => {
    expect(
      tableLines(columns, [
        { name: "取引", count: 7 },
        { name: null, count: 12_345 },
        { name: "a\u001b[31m", count: 0 },
      ]),
    ).toEqual(["NAME         COUNT", "取引             7", "-            12345", "a\\u001b[31m      0"])
    const hash = "ab".repeat(32)
    expect(tableLines(columns, [{ name: hash, count: 1 }])[1]).toContain(hash)
  })

  it("has lines of one width where the last column is aligned right", () => {
    const cell = fc.record({ name: fc.option(fc.string({ unit: "grapheme" })), count: fc.nat() })
    fc.assert(
      fc.property(fc.array(cell), (rows) => {
        expect(new Set(tableLines(columns, rows).map((line) => stringWidth(line))).size).toBe(1)
      }),
    )
  })
})

describe("an amount for people", () => {
  it.each([
    [50_000_000n, "bitcoin", "0.5 BTC"],
    [1n, "bitcoin", "0.00000001 BTC"],
    [2_100_000_000_000_000n, "bitcoin", "21000000 BTC"],
    [0n, "gnosis", "0 EURe"],
    [1_234_500_000_000_000_000n, "gnosis", "1.2345 EURe"],
  ] as const)("%s on %s is %s", (units, chain, text) => {
    expect(humanAmount(units, chain)).toBe(text)
  })

  it("is exact: its digits are those of the base units", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 78n - 1n }), (units) => {
        const [whole = "", fraction = ""] =
          humanAmount(amount(units), "gnosis").split(" ")[0]?.split(".") ?? []
        expect(BigInt(`${whole}${fraction.padEnd(18, "0")}`)).toBe(units)
      }),
    )
  })
})

describe("colours", () => {
  const painted = (isTTY: boolean, env: Readonly<Record<string, string>>): string => {
    const before = process.stdout.isTTY
    process.stdout.isTTY = isTTY
    try {
      return openOutput({ json: false, env }).paint("red", "wrong")
    } finally {
      process.stdout.isTTY = before
    }
  }

  it("are for terminals that want them", () => {
    expect(painted(true, {})).toBe("\u001b[31mwrong\u001b[39m")
    expect(painted(true, { NO_COLOR: "1" })).toBe("wrong")
    expect(painted(true, { NO_COLOR: "" })).toBe("\u001b[31mwrong\u001b[39m")
    expect(painted(false, {})).toBe("wrong")
  })
})

describe("progress", () => {
  it("tells the share, the rate and the time left", () => {
    expect(progressLine("market_prices", { done: 250_000, total: 1_000_000, elapsed_ms: 10_000 })).toBe(
      "market_prices  ██████░░░░░░░░░░░░░░░░░░ 25%  250,000 of 1,000,000  25,000/s  30 s left",
    )
  })

  it("tells what it can where the total is not known, or nothing is done yet", () => {
    expect(progressLine("x", { done: 5, total: null, elapsed_ms: 1000 })).toBe("x  5  5/s")
    expect(progressLine("x", { done: 0, total: 10, elapsed_ms: 0 })).toBe(
      `x  ${"░".repeat(24)} 0%  0 of 10  0/s`,
    )
  })
})

it.each([
  [0, "0 s"],
  [119_000, "119 s"],
  [120_000, "2 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
  [-5_000, "0 s"],
])("%s ms ago is %s", (age_ms, text) => {
  expect(ago(1_000_000_000, 1_000_000_000 + age_ms)).toBe(text)
})
