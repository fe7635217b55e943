import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { recordDecoder, recordEncoder } from "../src/codec.ts"
import { topics } from "../src/registry.ts"
import { DecimalString, Text } from "../src/text.ts"
import { Timestamp } from "../src/timestamp.ts"
import { defineTopic } from "../src/topic.ts"
import { trustedDecoder } from "../src/trusted-decoder.ts"
import type { Upcast } from "../src/upcast.ts"
import { bytesOf, goldenBytes } from "./golden.ts"

/** A price as its third version would be: base and quote apart (since 2), the instant as text (since 3). */
const Quote = Schema.Struct({
  quote_id: Text,
  base: Text,
  quote: Text,
  price: DecimalString,
  observed_at: Timestamp,
})

const pairSplit: Upcast = {
  from: 1,
  applies: (written) => "pair" in written,
  up: ({ pair, ...rest }) => {
    const [base, quote] = String(pair).split("/")
    return { ...rest, base, quote }
  },
}

const instantAsText: Upcast = {
  from: 2,
  applies: (written) => "observed_at_ms" in written,
  up: ({ observed_at_ms, ...rest }) => ({
    ...rest,
    observed_at: new Date(Number(observed_at_ms)).toISOString(),
  }),
}

const quoteTopic = defineTopic<typeof Quote.Type>({
  name: "test.quote",
  schema: Quote,
  key: ({ base }) => base,
  id: "quote_id",
  occurredAt: ({ observed_at }) => observed_at,
  evidenceTable: "quotes",
  columns: {},
  upcasts: [pairSplit, instantAsText],
})

/** As programs of each version wrote the same fact. These never change: evidence like it is in every database. */
const frozen = {
  1: '{"quote_id":"q1","pair":"BTC/EURe","price":"60000.1","observed_at_ms":1767225600000}',
  2: '{"quote_id":"q1","price":"60000.1","observed_at_ms":1767225600000,"base":"BTC","quote":"EURe"}',
  3: '{"quote_id":"q1","base":"BTC","quote":"EURe","price":"60000.1","observed_at":"2026-01-01T00:00:00.000Z"}',
} as const

describe("evidence of an older version", () => {
  const decode = recordDecoder(quoteTopic)
  const today = JSON.parse(frozen[3])

  it.each([1, 2, 3] as const)("of version %i is read as today's record", (version) => {
    expect(decode(bytesOf(frozen[version]))).toEqual({ ok: true, record: today })
    expect(trustedDecoder(quoteTopic)(JSON.parse(frozen[version]))).toEqual({ ok: true, record: today })
  })

  it("does not decode without its step", () => {
    const without = recordDecoder({ ...quoteTopic, upcasts: [pairSplit] })
    expect(without(bytesOf(frozen[1]))).toMatchObject({ ok: false })
  })

  it("is refused with a reason when a step cannot take it, and when it is no object", () => {
    const broken = { ...instantAsText, up: () => new Date(Number.NaN).toISOString() as never }
    const decodeBroken = recordDecoder({ ...quoteTopic, upcasts: [pairSplit, broken] })
    expect(decodeBroken(bytesOf(frozen[1]))).toEqual({ ok: false, reason: "Invalid time value" })
    for (const value of ["null", "[]", '"pair"']) expect(decode(bytesOf(value))).toMatchObject({ ok: false })
  })
})

describe.each(topics)("the steps of $name", (topic) => {
  const steps = topic.upcasts ?? []

  it("lead from each version to the next, without a gap", () => {
    expect(steps.map(({ from }) => from)).toEqual(steps.map((_, index) => index + 1))
  })

  it("leave today's record as it is", () => {
    const record = recordDecoder(topic)(goldenBytes(topic.name))
    if (!record.ok) throw new Error(record.reason)
    const written = JSON.parse(recordEncoder(topic)(record.record))
    expect(steps.filter(({ applies }) => applies(written))).toEqual([])
  })
})
