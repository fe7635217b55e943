import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Amount, amount } from "../src/amount.ts"
import { Count, DecimalString, Hash, LongText, Text, WholeNumber } from "../src/text.ts"
import { epochMs, Timestamp, timestamp } from "../src/timestamp.ts"

const taken = <Type>(schema: Schema.Codec<Type, unknown>, value: unknown): boolean =>
  Schema.decodeUnknownResult(schema)(value)._tag === "Success"

/** A value with its name for a test: texts as JSON, so that what cannot be seen is. */
const show = <Value>(value: Value) =>
  [typeof value === "string" ? JSON.stringify(value) : `${typeof value} ${String(value)}`, value] as const

describe("an amount", () => {
  it.each(["0", "1", "50000000", "9007199254740993", "9".repeat(78)].map(show))(
    "takes %s as it is",
    (_, text) => {
      const units = Schema.decodeUnknownSync(Amount)(text)
      expect(units).toBe(BigInt(text))
      expect(Schema.encodeSync(Amount)(units)).toBe(text)
    },
  )

  it.each(
    [
      ...[
        "",
        " ",
        "007",
        "00",
        "-0",
        "-1",
        "+1",
        "1e3",
        "1.0",
        "1.",
        ".5",
        "0x10",
        "0b1",
        "1_000",
        "1,000",
        " 1",
        "1 ",
        "1\n",
      ],
      ...["١", "１", "NaN", "Infinity", "null", `1${"0".repeat(78)}`, "9".repeat(5000)],
      ...[0, 1, 1.5, 2 ** 53, true, null, [], ["1"], {}, undefined, 1n],
    ].map(show),
  )("refuses %s", (_, value) => {
    expect(taken(Amount, value)).toBe(false)
  })

  it("is its canonical text or refused, for any text of digits", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[-+0-9.e]{0,6}$/), (text) => {
        const result = Schema.decodeUnknownResult(Amount)(text)
        if (result._tag === "Success") expect(`${result.success}`).toBe(text)
      }),
    )
  })

  it("is made from a bigint that fits, and from no other", () => {
    expect(amount(0n)).toBe(0n)
    expect(amount(10n ** 78n - 1n)).toBe(10n ** 78n - 1n)
    expect(() => amount(-1n)).toThrow(RangeError)
    expect(() => amount(10n ** 78n)).toThrow(RangeError)
  })
})

describe("a price", () => {
  it.each(["1", "60000.1", "0.00000001", "10", "0.1", "123456789.123456789"].map(show))(
    "takes %s",
    (_, text) => {
      expect(taken(DecimalString, text)).toBe(true)
    },
  )

  it.each(
    [
      ...[
        "",
        "0",
        "-0",
        "0.0",
        "1.10",
        "1.0",
        "01.1",
        "1.",
        ".1",
        "1e3",
        "6E4",
        "+1",
        "-1",
        "1,5",
        "1 ",
        "NaN",
        "0x1",
      ],
      ...["1.1.1", "٣", "1".repeat(65), 1, 60000.1, null, true],
    ].map(show),
  )("refuses %s", (_, value) => {
    expect(taken(DecimalString, value)).toBe(false)
  })
})

describe("a time", () => {
  it.each(
    [
      "2026-11-23T09:30:00.000Z",
      "2024-02-29T23:59:59.999Z",
      "2000-02-29T00:00:00.000Z",
      "0001-01-01T00:00:00.000Z",
      "9999-12-31T23:59:59.999Z",
    ].map(show),
  )("takes %s", (_, text) => {
    expect(taken(Timestamp, text)).toBe(true)
    expect(timestamp(epochMs(text))).toBe(text)
  })

  it.each(
    [
      ...[
        "2026-02-30T00:00:00.000Z",
        "2026-02-29T00:00:00.000Z",
        "1900-02-29T00:00:00.000Z",
        "2026-04-31T00:00:00.000Z",
      ],
      ...[
        "2026-11-23T09:30:00Z",
        "2026-11-23T09:30:00.0Z",
        "2026-11-23T09:30:00.000000Z",
        "2026-11-23T09:30:00,000Z",
      ],
      ...["2026-11-23T09:30:00.000+00:00", "2026-11-23T09:30:00.000+01:00", "2026-11-23T09:30:00.000-00:00"],
      ...[
        "2026-11-23T09:30:00.000z",
        "2026-11-23t09:30:00.000Z",
        "2026-11-23 09:30:00.000Z",
        "2026-11-23T09:30:00.000",
      ],
      ...[
        "2026-11-23T24:00:00.000Z",
        "2026-11-23T09:60:00.000Z",
        "2026-11-23T09:30:60.000Z",
        "2026-13-01T00:00:00.000Z",
      ],
      ...[
        "2026-00-01T00:00:00.000Z",
        "2026-01-00T00:00:00.000Z",
        "+002026-11-23T09:30:00.000Z",
        "0000-01-01T00:00:00.000Z",
      ],
      ...[
        "2026-11-23",
        "20261123T093000Z",
        "now",
        "infinity",
        "",
        " 2026-11-23T09:30:00.000Z",
        "2026-11-23T09:30:00.000Z\n",
      ],
      ...[0, 1_764_000_000_000, null, true, {}],
    ].map(show),
  )("refuses %s", (_, value) => {
    expect(taken(Timestamp, value)).toBe(false)
  })

  it("orders as its text does, so that texts can be compared", () => {
    const at = fc.integer({ min: Date.UTC(1970), max: Date.UTC(9999, 11, 31) })
    fc.assert(
      fc.property(at, at, (left, right) => {
        expect(timestamp(left) < timestamp(right)).toBe(left < right)
      }),
    )
  })

  it("is made of milliseconds of the years 1 to 9999, and of no others", () => {
    for (const at_ms of [Number.NaN, Infinity, 253_402_300_800_000, -62_135_596_800_001, 8.64e15 + 1])
      expect(() => timestamp(at_ms), `${at_ms}`).toThrow(RangeError)
    expect(timestamp(253_402_300_799_999)).toBe("9999-12-31T23:59:59.999Z")
    expect(timestamp(-62_135_596_800_000)).toBe("0001-01-01T00:00:00.000Z")
  })
})

describe("a text", () => {
  it.each(
    ["a", " ", "desk.near", "日本語", "👩‍🚀", "é", "<b>&amp;</b>", "';--", "x".repeat(256), "\u00a0"].map(
      show,
    ),
  )("takes %s", (_, text) => {
    expect(taken(Text, text)).toBe(true)
  })

  it.each(
    [
      ...[
        "\u0000",
        "a\u0000",
        "a\nb",
        "a\r",
        "\t",
        "\u001b[2J",
        "\u007f",
        "\u009b2J",
        "\u0085",
        "\u2028",
        "\u2029",
      ],
      ...["\u202eevil", "\u2066x", "\ud800", "\udc00a", "a\ud800b", "x".repeat(257)],
    ].map(show),
  )("refuses %s, of any length allowed", (_, text) => {
    expect(taken(Text, text)).toBe(false)
    expect(taken(LongText, text)).toBe(text.length === 257)
  })

  it("may be empty only where it is someone's message", () => {
    expect(taken(Text, "")).toBe(false)
    expect(taken(LongText, "")).toBe(true)
    expect(taken(LongText, "x".repeat(4096))).toBe(true)
    expect(taken(LongText, "x".repeat(4097))).toBe(false)
  })
})

describe("a hash", () => {
  const digits = "0123456789abcdef".repeat(4)
  it.each([digits, `0x${digits}`].map(show))("takes %s", (_, text) => expect(taken(Hash, text)).toBe(true))
  it.each(
    [
      "",
      "0x",
      digits.toUpperCase(),
      digits.slice(1),
      `${digits}0`,
      `0X${digits}`,
      `${digits}\n`,
      "g".repeat(64),
    ].map(show),
  )("refuses %s", (_, text) => expect(taken(Hash, text)).toBe(false))
})

describe("a count", () => {
  it("is a whole number that SQL's integer can hold", () => {
    for (const value of [0, 1, 2_147_483_647]) expect(taken(Count, value), `${value}`).toBe(true)
    for (const value of [-0, -1, 0.5, 2_147_483_648, Number.NaN, Infinity, "1", 1n, null, true])
      expect(taken(Count, value), `${value}`).toBe(false)
  })

  it("goes up to 2^53-1 where it is an offset", () => {
    expect(taken(WholeNumber, Number.MAX_SAFE_INTEGER)).toBe(true)
    expect(taken(WholeNumber, Number.MAX_SAFE_INTEGER + 1)).toBe(false)
    expect(taken(WholeNumber, -0)).toBe(false)
  })
})
