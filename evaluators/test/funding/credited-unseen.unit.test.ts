import { amount } from "@landfall/domain/amount"
import { describe, expect, test } from "vitest"
import { correlate } from "../../src/funding/correlate.ts"
import { desk, hash, mined, minute_ms, output, policy, row, start_ms } from "./fixtures.ts"

describe("a credit that came before its deposit was seen", () => {
  const sum = row({ tx_hash: null, amount: amount(120_000n) })
  const part = (tx_hash: string, units: bigint, changes = {}) =>
    mined(3, { tx_hash, amount: amount(units), chain_time_ms: start_ms, ...changes })
  const told = (transfers: ReturnType<typeof desk>["transfers"]) =>
    Array.from(transfers.values(), ({ source, amount: units, status, match }) =>
      [source, units, status, match ?? "alone"].join(" "),
    )

  test("as a sum credits its parts once they are seen, and is told to stand for them", () => {
    const { poll, transfers } = desk()
    poll({ state: "down", bridge: [sum] })
    expect(told(transfers)).toEqual(["bridge 120000 credited alone"])
    const outputs = [part(hash("aa"), 50_000n), part(hash("bb"), 70_000n)]
    poll({ outputs, bridge: [sum] })
    const after = [
      "bridge 120000 credited aggregate",
      "bitcoind 50000 credited aggregate",
      "bitcoind 70000 credited aggregate",
    ]
    expect(told(transfers)).toEqual(after)
    expect(poll({ outputs, bridge: [sum] })).toEqual([])
    expect(correlate(transfers, [sum], policy)).toMatchObject({
      matches: [{ transfer_ids: { length: 3 }, match: "aggregate" }],
      unmatchedRows: [],
    })
  })

  test("as a sum with a hash of its own credits them too, and each keeps its own", () => {
    const { poll, transfers } = desk()
    const swept = { ...sum, tx_hash: hash("dd") }
    poll({ state: "down", bridge: [swept] })
    const outputs = [part(hash("aa"), 50_000n), part(hash("bb"), 70_000n)]
    poll({ outputs, bridge: [swept] })
    expect(
      Array.from(transfers.values(), ({ tx_hash, status, bridge_deposit_tx_hash }) => [
        tx_hash,
        status,
        bridge_deposit_tx_hash,
      ]),
    ).toEqual([
      [hash("dd"), "credited", hash("dd")],
      [hash("aa"), "credited", hash("dd")],
      [hash("bb"), "credited", hash("dd")],
    ])
    expect(poll({ outputs, bridge: [swept] })).toEqual([])
  })

  test("waits until all parts are mined and a healthy observer shows them", () => {
    const { poll, transfers } = desk()
    poll({ state: "down", bridge: [sum] })
    const first = part(hash("aa"), 50_000n)
    const unmined = output({ tx_hash: hash("bb"), amount: amount(70_000n), chain_time_ms: start_ms })
    poll({ outputs: [first], bridge: [sum] })
    poll({ outputs: [first, unmined], bridge: [sum] })
    poll({ outputs: [first, part(hash("bb"), 70_000n)], state: "lagging", bridge: [sum] })
    expect(told(transfers).slice(1)).toEqual([
      "bitcoind 50000 confirmed alone",
      "bitcoind 70000 confirmed alone",
    ])
    poll({ outputs: [first, part(hash("bb"), 70_000n)], bridge: [sum] })
    expect(told(transfers).slice(1)).toEqual([
      "bitcoind 50000 credited aggregate",
      "bitcoind 70000 credited aggregate",
    ])
  })

  test("guesses nothing when several sums would do", () => {
    const { poll, transfers } = desk()
    poll({ state: "down", bridge: [sum] })
    poll({
      outputs: [
        part(hash("aa"), 50_000n),
        part(hash("bb"), 70_000n),
        part(hash("cc"), 20_000n),
        part(hash("ee"), 100_000n),
      ],
      bridge: [sum],
    })
    expect(
      told(transfers)
        .slice(1)
        .every((line) => line.endsWith("confirmed alone")),
    ).toBe(true)
  })

  test("credits nothing that came to the chain after it", () => {
    const { poll, transfers } = desk()
    poll({ state: "down", bridge: [sum] })
    const late = { chain_time_ms: start_ms + 5 * minute_ms }
    poll({ outputs: [part(hash("aa"), 50_000n, late), part(hash("bb"), 70_000n)], bridge: [sum] })
    expect(
      told(transfers)
        .slice(1)
        .every((line) => line.endsWith("confirmed alone")),
    ).toBe(true)
  })

  test("credits the deposit that had been dropped, and came back while nobody looked", () => {
    const { poll, transfers } = desk()
    const credit = row({ tx_hash: hash("dd") })
    poll({ outputs: [output()] })
    poll({ outputs: [output({ in_mempool: false })] })
    expect(told(transfers)).toEqual(["bitcoind 50000 dropped alone"])
    poll({ state: "down", bridge: [credit] })
    const back = [mined(3, { chain_time_ms: start_ms })]
    poll({ outputs: back, bridge: [credit] })
    expect(told(transfers)).toEqual([
      "bitcoind 50000 credited address_amount",
      "bridge 50000 credited address_amount",
    ])
    expect(poll({ outputs: back, bridge: [credit] })).toEqual([])
    expect(poll({ outputs: back, bridge: [] })).toEqual([])
  })

  test("guesses nothing when the dropped one is back and another like it is there", () => {
    const { poll, transfers } = desk()
    const credit = row({ tx_hash: null })
    poll({ outputs: [output()] })
    poll({ outputs: [output({ in_mempool: false })] })
    poll({ state: "down", bridge: [credit] })
    const both = [mined(3), mined(3, { tx_hash: hash("bb") })].map((one) => ({
      ...one,
      chain_time_ms: start_ms,
    }))
    poll({ outputs: both, bridge: [credit] })
    expect(told(transfers)).toEqual([
      "bitcoind 50000 confirmed alone",
      "bridge 50000 credited alone",
      "bitcoind 50000 confirmed alone",
    ])
  })
})
