import { describe, expect, it } from "vitest"
import { recordDecoder } from "../src/codec.ts"
import { topicByName, topics } from "../src/registry.ts"
import { bytesOf, goldenJson } from "./golden.ts"

type Path = ReadonlyArray<string | number>

/** Every place in a JSON value, the whole first. */
const places = (value: unknown, path: Path = []): ReadonlyArray<Path> => {
  if (typeof value !== "object" || value === null) return [path]
  const inside = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return [path, ...inside.flatMap(([name, part]) => places(part, [...path, name]))]
}

const missing = Symbol("missing")

/** The value with one place replaced, or taken out. */
const changed = (value: unknown, [name, ...rest]: Path, by: unknown): unknown => {
  if (name === undefined) return by
  if (Array.isArray(value))
    return value.map((item, place) => (place === name ? changed(item, rest, by) : item))
  const parts = Object.entries(value as object).map(([key, part]) => [
    key,
    key === name ? changed(part, rest, by) : part,
  ])
  return Object.fromEntries(parts.filter(([, part]) => part !== missing))
}

const wrong = {
  missing,
  null: null,
  true: true,
  "a fraction": 1.5,
  "a negative number": -1,
  "an empty text": "",
  "a text too long": "x".repeat(5000),
  "a text with NUL": "a\u0000b",
  "a lone surrogate": "\ud800",
  "an object": {},
  "a list": [],
}

/** What a place takes beside the right value, with why. */
const takes: ReadonlyArray<readonly [place: RegExp, ...ReadonlyArray<keyof typeof wrong>]> = [
  // Facts that are not always known may be missing, and are then missing, not null.
  [
    /\.(block_hash|block_height|credited_at|bridge_deposit_tx_hash|bridge_status|match|successor_tx_hash)$/,
    "missing",
  ],
  [/^ops.alert\.(pair|asset_id|tx_hash)$/, "missing"],
  [/^ops.liquidity_action\.(amount|tx_hash)$/, "missing"],
  [/\.below_minimum$/, "missing", "true"],
  [/\.error_code$/, "missing"],
  [/\.error_message$/, "missing", "an empty text"],
  [/^ops.alert\.reason$/, "an empty text"],
  // A credit that no observer saw, and an observer that knows no tip.
  [/^ops.funding_observation\.(tx_hash|output_index)$/, "null"],
  [/\.observer\.(tip_height|tip_at)$/, "null"],
  // An account that holds nothing; a decision that rests on absence alone.
  [/\.balances$/, "a list"],
  [/\.evidence$/, "a list"],
  [/\.cut$/, "an object"],
  [/\.cut\.[a-z_.]+$/, "an object", "missing"],
  [/\.cut\..*\.\d+$/, "missing"],
  // What a rule adds of its own is free, but must be printable.
  [
    /\.details\.(amount|ratio)$/,
    ...(["missing", "null", "true", "a fraction", "a negative number", "an empty text"] as const),
    ...(["a text too long", "an object", "a list"] as const),
  ],
]

describe.each(topics.map((topic) => ({ name: topic.name, topic })))("$name refuses", ({ name, topic }) => {
  const decode = recordDecoder(topic)
  const sample = goldenJson(name)

  it.each(Object.entries(wrong))("%s in every place that does not take it", (what, by) => {
    for (const path of places(sample)) {
      // Taking an item out of a list leaves a list; the whole that is missing is another test.
      if (by === missing && (path.length === 0 || typeof path.at(-1) === "number")) continue
      const place = [name, ...path].join(".")
      const taken = takes.some(
        ([pattern, ...kinds]) => pattern.test(place) && kinds.some((kind) => kind === what),
      )
      const decoded = decode(bytesOf(changed(sample, path, by)))
      expect(decoded.ok, `${place} with ${what}`).toBe(taken)
    }
  })

  it("an id that is not a lowercase UUID", () => {
    for (const id of [
      "",
      "1",
      String(sample[topic.id]).toUpperCase(),
      `${sample[topic.id]}0`,
      `{${sample[topic.id]}}`,
    ])
      expect(decode(bytesOf({ ...sample, [topic.id]: id })), id).toMatchObject({ ok: false })
  })
})

/** The sample of the topic with some fields changed, read. */
const decodeChanged = (topicName: string, changes: object) => {
  const topic = topicByName(topicName)
  if (topic === undefined) throw new Error(`no topic ${topicName}`)
  return recordDecoder(topic)(bytesOf({ ...goldenJson(topicName), ...changes }))
}

describe("a literal that is not known is refused", () => {
  it.each([
    ["ops.funding_observation", ["status", "chain", "source", "match", "cause"]],
    ["ops.alert", ["status", "alert_code", "severity"]],
    ["ops.liquidity_action", ["action", "chain"]],
    ["exec.trade_result", ["status"]],
  ] as const)("in %s", (topicName, fields) => {
    for (const field of fields)
      expect(decodeChanged(topicName, { [field]: "unheard_of" }), field).toMatchObject({ ok: false })
  })
})

describe("what holds between fields", () => {
  it("an alert is cleared exactly when it says when", () => {
    const message = {
      ok: false,
      reason: expect.stringContaining("cleared_at must be null exactly while raised"),
    }
    expect(decodeChanged("ops.alert", { status: "raised" })).toMatchObject(message)
    expect(decodeChanged("ops.alert", { cleared_at: null })).toMatchObject(message)
    expect(decodeChanged("ops.alert", { status: "raised", cleared_at: null })).toMatchObject({ ok: true })
  })

  it.each(["deposit_handle_issued", "deposit_handle_retired"])("%s names its handle", (action) => {
    expect(decodeChanged("ops.liquidity_action", { action, funding_handle: undefined })).toMatchObject({
      ok: false,
      reason: expect.stringContaining(`${action} needs funding_handle`),
    })
  })

  it("a withdrawal needs no handle", () => {
    const withdrawal = { action: "withdrawal_settled", funding_handle: undefined }
    expect(decodeChanged("ops.liquidity_action", withdrawal)).toMatchObject({ ok: true })
  })
})
