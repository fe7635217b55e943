import type { Amount } from "@landfall/domain/amount"
import { toJson } from "@landfall/domain/codec"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import { Schema } from "effect"
import type { JsonClient, RequestOptions } from "../net/json-client.ts"
import { BridgeError, bridgeRpc, plain } from "./bridge-rpc.ts"
import { type BridgeAsset, baseUnits, readDepositRow } from "./deposit-row.ts"

/** The deposits of one account on one chain. */
export interface Deposits {
  readonly rows: ReadonlyArray<BridgeDeposit>
  /** Rows that cannot be read, and why; they are left out. */
  readonly problems: ReadonlyArray<string>
}

/** What Landfall asks the bridge. It only reads. */
export interface Bridge {
  readonly recentDeposits: (
    account_id: string,
    bridge_chain: string,
    options?: RequestOptions,
  ) => Promise<Deposits>
  /** The deposit address of an account, or null when the bridge issued none. */
  readonly depositAddress: (
    account_id: string,
    bridge_chain: string,
    options?: RequestOptions,
  ) => Promise<string | null>
  /** The least that the bridge credits, by the desk's asset id. */
  readonly minimumDeposits: (options?: RequestOptions) => Promise<ReadonlyMap<string, Amount>>
}

/** The bridge gives 20 rows unless asked for more. */
const pageRows = 100
/** Beyond this the oldest rows are left out; the bridge lists the newest first. */
const pagesMax = 50
/** Rows on later pages change too: a row that fails and is credited later. */
const rereadMs = 30_000

const Page = Schema.Struct({
  deposits: Schema.Array(Schema.Unknown),
  total: Schema.optionalKey(Schema.NullOr(Schema.Number)),
})
const Tokens = Schema.Struct({ tokens: Schema.Array(Schema.Unknown) })
const Token = Schema.Struct({
  defuse_asset_identifier: Schema.String,
  min_deposit_amount: Schema.Union([Schema.BigInt, Schema.Number, Schema.String]),
})
const Address = Schema.Struct({ address: Schema.NullOr(Schema.String) })

const reader =
  <Answer>(method: string, schema: Schema.Codec<Answer, unknown>) =>
  (answer: unknown): Answer => {
    if (Schema.is(schema)(answer)) return answer
    const start = plain(toJson(answer) ?? "", 100)
    throw new BridgeError("garbage", `the bridge answered ${method} with something else, beginning ${start}`)
  }
const readPage = reader("recent_deposits", Page)
const readTokens = reader("supported_tokens", Tokens)
const readAddress = reader("deposit_address", Address)

interface Listing {
  readonly firstPage: string
  readonly read_ms: number
  readonly deposits: Deposits
}

/** The bridge behind a JSON client. */
export const openBridge = (
  client: JsonClient,
  assets: ReadonlyArray<BridgeAsset>,
  now: () => number,
): Bridge => {
  const call = bridgeRpc(client)
  const listings = new Map<string, Listing>()

  const page = async (account_id: string, chain: string, offset: number, options?: RequestOptions) => {
    const result = await call("recent_deposits", { account_id, chain, limit: pageRows, offset }, options)
    return readPage(result)
  }

  /** The pages after the first, until the total is reached. Without a total there is no telling whether there are more. */
  const laterPages = async (
    account_id: string,
    chain: string,
    first: typeof Page.Type,
    options?: RequestOptions,
  ): Promise<ReadonlyArray<ReadonlyArray<unknown>>> => {
    const pages: Array<ReadonlyArray<unknown>> = []
    let offset = first.deposits.length
    while (offset < (first.total ?? 0) && pages.length < pagesMax - 1) {
      const { deposits } = await page(account_id, chain, offset, options)
      if (deposits.length === 0) break
      pages.push(deposits)
      offset += deposits.length
    }
    return pages
  }

  return {
    recentDeposits: async (account_id, bridge_chain, options) => {
      const key = `${account_id}\n${bridge_chain}`
      const first = await page(account_id, bridge_chain, 0, options)
      const firstPage = toJson(first)
      const before = listings.get(key)
      if (before !== undefined && before.firstPage === firstPage && now() - before.read_ms < rereadMs)
        return before.deposits
      const chain = assets.find((asset) => asset.bridge_chain === bridge_chain)?.chain
      if (chain === undefined) throw new BridgeError("refused", `no asset on ${bridge_chain} is configured`)
      const pages = [first.deposits, ...(await laterPages(account_id, bridge_chain, first, options))]
      const read = distinct(pages).map((row) =>
        readDepositRow(row, { account_id, chain, bridge_chain }, assets),
      )
      const deposits = {
        rows: read.flatMap((found) => ("row" in found ? [found.row] : [])),
        problems: read.flatMap((found) => ("problem" in found ? [found.problem] : [])),
      }
      listings.set(key, { firstPage, read_ms: now(), deposits })
      return deposits
    },
    depositAddress: async (account_id, chain, options) => {
      const { address } = readAddress(await call("deposit_address", { account_id, chain }, options))
      const line = plain(address ?? "").trim()
      return line === "" ? null : line
    },
    minimumDeposits: async (options) => {
      const chains = [...new Set(assets.map((asset) => asset.bridge_chain))]
      const { tokens } = readTokens(await call("supported_tokens", { chains }, options))
      const minimums = new Map<string, Amount>()
      for (const token of tokens.filter(Schema.is(Token))) {
        const name = token.defuse_asset_identifier.toLowerCase()
        const asset = assets.find((known) => known.defuse_asset_identifier.toLowerCase() === name)
        const units = baseUnits(token.min_deposit_amount)
        if (asset !== undefined && units !== null) minimums.set(asset.asset_id, units)
      }
      return minimums
    },
  }
}

/**
 * The rows of all pages. A row that came while the pages were read shifts the others, so that one is listed twice, at
 * the end of one page and the start of the next; rows that are alike on one page are two deposits.
 */
const distinct = (pages: ReadonlyArray<ReadonlyArray<unknown>>): ReadonlyArray<unknown> => {
  const counts = new Map<string, number>()
  const rows: unknown[] = []
  for (const page of pages) {
    const here = new Map<string, number>()
    for (const row of page) {
      const key = toJson(row) ?? ""
      const count = (here.get(key) ?? 0) + 1
      here.set(key, count)
      if (count <= (counts.get(key) ?? 0)) continue
      counts.set(key, count)
      rows.push(row)
    }
  }
  return rows
}
