import { Text } from "@landfall/domain/text"
import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Bridge, openBridge } from "../../src/bridge/bridge.ts"
import { endpoint } from "../../src/config/endpoint.ts"
import { parseExactJson } from "../../src/net/exact-json.ts"

const assets = [
  {
    asset_id: "BTC",
    chain: "bitcoin" as const,
    bridge_chain: "btc:mainnet",
    defuse_asset_identifier: "btc:mainnet:native",
  },
  {
    asset_id: "EURe",
    chain: "gnosis" as const,
    bridge_chain: "eth:100",
    defuse_asset_identifier: "eth:100:0x420CA0f9B9b604cE0fd9C18EF134C705e5Fa3430",
  },
]

interface Asked {
  readonly method: string
  readonly params: ReadonlyArray<{ readonly limit: number; readonly offset: number }>
}

/** A bridge whose answers are JSON texts; remembers what it was asked. */
const bridgeSaying = (answer: (asked: Asked) => string, now: () => number = () => 0) => {
  const asked: Asked[] = []
  const bridge: Bridge = openBridge(
    {
      endpoint: endpoint("http://bridge.example"),
      get: () => Promise.reject(new Error("the bridge is only posted to")),
      post: async (_path, body) => {
        asked.push(body as Asked)
        return parseExactJson(answer(body as Asked))
      },
    },
    assets,
    now,
  )
  return { ...bridge, asked }
}

const isText = Schema.is(Text)
const result = (text: string): string => `{"jsonrpc":"2.0","id":"1","result":${text}}`
const account = "desk.near"
const wire = (changes: object = {}): string =>
  JSON.stringify({
    tx_hash: "AA",
    chain: "btc:mainnet",
    defuse_asset_identifier: "btc:mainnet:native",
    amount: 150_000,
    account_id: account,
    address: "bc1qdesk",
    status: "PENDING",
    created_at: "2026-11-23T09:30:00Z",
    ...changes,
  })

describe("recent deposits", () => {
  test("have words that a record takes, whatever the bridge says", async () => {
    const words = fc.string({ unit: "binary" })
    await fc.assert(
      fc.asyncProperty(words, words, words, async (status, address, tx_hash) => {
        const bridge = bridgeSaying(() =>
          result(`{"deposits":[${wire({ status, address, tx_hash })}],"total":1}`),
        )
        const { rows } = await bridge.recentDeposits(account, "btc:mainnet")
        for (const word of rows.flatMap((row) => [row.status, row.address ?? "x", row.tx_hash ?? "x"]))
          expect(isText(word), JSON.stringify(word)).toBe(true)
      }),
    )
    const hostile = bridgeSaying(() => result(`{"deposits":[${wire({ status: "DO\u009b2J\u202eNE" })}]}`))
    expect((await hostile.recentDeposits(account, "btc:mainnet")).rows[0]?.status).toBe("DO 2J NE")
  })

  test("are read in the desk's terms, and what is unknown is kept", async () => {
    const odd = wire({ status: "UNDER_REVIEW", defuse_asset_identifier: "btc:mainnet:rune" })
    const { recentDeposits } = bridgeSaying(() => result(`{"deposits":[${wire()},${odd}],"total":2}`))
    const { rows, problems } = await recentDeposits(account, "btc:mainnet")
    expect(problems).toEqual([])
    expect(rows[0]).toEqual({
      account_id: account,
      chain: "bitcoin",
      asset_id: "BTC",
      address: "bc1qdesk",
      amount: 150_000n,
      tx_hash: "AA",
      status: "PENDING",
      created_at_ms: Date.parse("2026-11-23T09:30:00Z"),
    })
    expect(rows[1]).toMatchObject({ asset_id: "btc:mainnet:rune", status: "UNDER_REVIEW" })
  })

  test("have exact amounts beyond 2^53, and no hash, address or time when the bridge names none", async () => {
    const { recentDeposits } = bridgeSaying(() =>
      result(`{"deposits":[
        {"account_id":"desk.near","amount":1000000000000000000001,"tx_hash":"","address":null},
        {"account_id":"desk.near","amount":"90071992547409931234","created_at":1700000000}]}`),
    )
    const { rows } = await recentDeposits(account, "eth:100")
    expect(rows).toEqual([
      {
        account_id: account,
        chain: "gnosis",
        asset_id: "EURe",
        address: null,
        amount: 1_000_000_000_000_000_000_001n,
        tx_hash: null,
        status: "(none)",
      },
      expect.objectContaining({ amount: 90_071_992_547_409_931_234n, created_at_ms: 1_700_000_000_000 }),
    ])
  })

  test.each(["1.5", "-1", "1e400", "null", '"1 BTC"', "{}"])(
    "leave out a row with the amount %s, and say so",
    async (units) => {
      const { recentDeposits } = bridgeSaying(() =>
        result(`{"deposits":[{"account_id":"desk.near","amount":${units}},${wire()}]}`),
      )
      const { rows, problems } = await recentDeposits(account, "btc:mainnet")
      expect(rows).toHaveLength(1)
      expect(problems).toHaveLength(1)
    },
  )

  test("of another account or chain than asked about are left out", async () => {
    const { recentDeposits } = bridgeSaying(() =>
      result(
        `{"deposits":[{"account_id":"other.near","amount":1},{"account_id":"desk.near","amount":1,"chain":"eth:100"}]}`,
      ),
    )
    const { rows, problems } = await recentDeposits(account, "btc:mainnet")
    expect(rows).toEqual([])
    expect(problems).toHaveLength(2)
  })

  test("become one line each, whatever the bridge writes", async () => {
    const { recentDeposits } = bridgeSaying(() =>
      result(
        `{"deposits":[{"account_id":"desk.near","amount":1,"status":"A\\nB\\u0000\\ud800","tx_hash":"${"x".repeat(999)}"}]}`,
      ),
    )
    const [row] = (await recentDeposits(account, "btc:mainnet")).rows
    expect(row?.status).toBe("A B \ufffd")
    expect(row?.tx_hash).toHaveLength(256)
  })
})

describe("paging", () => {
  const numbered = (from: number, count: number): string =>
    Array.from(
      { length: count },
      (_, index) => `{"account_id":"desk.near","amount":1,"tx_hash":"t${from + index}"}`,
    ).join(",")

  test("goes on to the total, and leaves out a row that was shifted to the next page meanwhile", async () => {
    const { recentDeposits, asked } = bridgeSaying(({ params: [page] }) => {
      const from = page?.offset === 0 ? 0 : (page?.offset ?? 0) - 1
      return result(`{"deposits":[${numbered(from, from === 0 ? 100 : 21)}],"total":120}`)
    })
    const { rows } = await recentDeposits(account, "btc:mainnet")
    expect(rows.map((row) => row.tx_hash)).toEqual(Array.from({ length: 120 }, (_, index) => `t${index}`))
    expect(asked.map(({ params: [page] }) => page?.offset)).toEqual([0, 100])
  })

  test("keeps two rows of one page that are alike: they are two deposits", async () => {
    const { recentDeposits } = bridgeSaying(() => result(`{"deposits":[${wire()},${wire()}]}`))
    expect((await recentDeposits(account, "btc:mainnet")).rows).toHaveLength(2)
  })

  test("stops without a total, at an empty page, and at its limit", async () => {
    const without = bridgeSaying(() => result(`{"deposits":[${numbered(0, 100)}]}`))
    await without.recentDeposits(account, "btc:mainnet")
    expect(without.asked).toHaveLength(1)
    const empty = bridgeSaying(({ params: [page] }) =>
      result(`{"deposits":[${page?.offset === 0 ? numbered(0, 1) : ""}],"total":9}`),
    )
    await empty.recentDeposits(account, "btc:mainnet")
    expect(empty.asked).toHaveLength(2)
    const endless = bridgeSaying(({ params: [page] }) =>
      result(`{"deposits":[${numbered(page?.offset ?? 0, 1)}],"total":1e9}`),
    )
    await endless.recentDeposits(account, "btc:mainnet")
    expect(endless.asked).toHaveLength(50)
  })

  test("reads later pages again only when the first has changed or some time has passed", async () => {
    let now_ms = 0
    let first = 0
    const bridge = bridgeSaying(
      ({ params: [page] }) =>
        result(`{"deposits":[${numbered((page?.offset ?? 0) + first, 100)}],"total":200}`),
      () => now_ms,
    )
    const asks = async (): Promise<number> => {
      const before = bridge.asked.length
      expect((await bridge.recentDeposits(account, "btc:mainnet")).rows).toHaveLength(200)
      return bridge.asked.length - before
    }
    expect(await asks()).toBe(2)
    expect(await asks()).toBe(1)
    first = 1
    expect(await asks()).toBe(2)
    now_ms = 30_000
    expect(await asks()).toBe(2)
  })
})

describe("what the bridge says instead of an answer", () => {
  test.each([
    ['{"error":"backend is not available"}', /refused recent_deposits: backend is not available/],
    ['{"error":{"code":-32000,"message":"no account"},"result":null}', /refused recent_deposits: no account/],
    ["{}", /without a result/],
    ["[]", /without a result/],
    [result('{"deposits":"none"}'), /something else, beginning/],
    [result("null"), /something else, beginning null/],
  ])("%s is an error that says so", async (text, message) => {
    const { recentDeposits } = bridgeSaying(() => text)
    await expect(recentDeposits(account, "btc:mainnet")).rejects.toThrow(message)
  })
})

test("a deposit address is what the bridge issued, or null", async () => {
  const { depositAddress } = bridgeSaying(() => result('{"address":" bc1qdesk ","chain":"btc:mainnet"}'))
  expect(await depositAddress(account, "btc:mainnet")).toBe("bc1qdesk")
  expect(
    await bridgeSaying(() => result('{"address":null}')).depositAddress(account, "btc:mainnet"),
  ).toBeNull()
})

test("the least deposits are those of the desk's assets; tokens that cannot be read are passed over", async () => {
  const { minimumDeposits } = bridgeSaying(() =>
    result(`{"tokens":[{"defuse_asset_identifier":"BTC:mainnet:native","min_deposit_amount":"7000"},
      {"defuse_asset_identifier":"eth:100:0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430","min_deposit_amount":1000000000000000000},
      {"defuse_asset_identifier":"eth:1:native","min_deposit_amount":1},{"odd":true}]}`),
  )
  expect(await minimumDeposits()).toEqual(
    new Map([
      ["BTC", 7_000n],
      ["EURe", 10n ** 18n],
    ]),
  )
})
