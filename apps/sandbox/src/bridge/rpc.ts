import { Result, Schema } from "effect"
import { stringify } from "lossless-json"
import type { BridgeStore, Deposit, Token } from "./store.ts"

/** What the real bridge gives at once when not asked for a number. */
const rows_default = 20
const rows_max = 100

const Request = Schema.Struct({
  jsonrpc: Schema.Literal("2.0"),
  id: Schema.Union([Schema.String, Schema.Number, Schema.Null]),
  method: Schema.String,
  params: Schema.optionalKey(Schema.Array(Schema.Unknown)),
})

const Paging = {
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: rows_max }))),
  offset: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
}
const readRequest = Schema.decodeUnknownResult(Request)
const readAccount = Schema.decodeUnknownResult(
  Schema.Struct({ account_id: Schema.String, chain: Schema.optionalKey(Schema.String), ...Paging }),
)
const readChains = Schema.decodeUnknownResult(
  Schema.Struct({ chains: Schema.optionalKey(Schema.Array(Schema.String)) }),
)

/** What may be missing from an answer; the real bridge leaves these out at times. */
export interface Omitted {
  readonly paging?: boolean
  readonly timestamps?: boolean
}

/** The method that a request asks for; empty when it cannot be read. */
export const methodOf = (body: unknown): string => {
  const request = readRequest(body)
  return Result.isSuccess(request) ? request.success.method : ""
}

/** The text of the answer to a JSON-RPC request. Amounts are bare JSON numbers with all their digits. */
export const answerRpc = (store: BridgeStore, body: unknown, omitted: Omitted = {}): string => {
  const request = readRequest(body)
  if (Result.isFailure(request))
    return write({ id: null, error: { code: -32600, message: "Invalid Request" } })
  const { id, method, params = [] } = request.success
  const result = resultOf(store, method, params[0] ?? {}, omitted)
  return write("code" in result ? { id, error: result } : { id, result })
}

const write = (answer: object): string => stringify({ jsonrpc: "2.0", ...answer }) ?? ""

const invalid = { code: -32602, message: "Invalid params" }

const resultOf = (store: BridgeStore, method: string, params: unknown, omitted: Omitted): object => {
  if (method === "supported_tokens") {
    const asked = readChains(params)
    if (Result.isFailure(asked)) return invalid
    const { chains } = asked.success
    const tokens = store.tokens().filter(({ chain }) => chains === undefined || chains.includes(chain))
    return { tokens: tokens.map(tokenRow) }
  }
  if (method !== "deposit_address" && method !== "recent_deposits")
    return { code: -32601, message: "Method not found" }
  const asked = readAccount(params)
  if (Result.isFailure(asked)) return invalid
  const { account_id, chain, limit = rows_default, offset = 0 } = asked.success
  const ofAccount = (row: { readonly account_id: string; readonly chain: string }) =>
    row.account_id === account_id && (chain === undefined || row.chain === chain)
  if (method === "deposit_address") {
    const handle = store.handles().findLast(ofAccount)
    return handle === undefined
      ? { code: -32000, message: `no address was issued to ${account_id}` }
      : { address: handle.address, chain: handle.chain }
  }
  const rows = store.deposits().filter(ofAccount)
  const tokens = new Map(store.tokens().map((token) => [token.chain, token]))
  const deposits = rows
    .slice(offset, offset + limit)
    .map((row) => depositRow(row, tokens.get(row.chain), omitted))
  return omitted.paging === true ? { deposits } : { deposits, total: rows.length, limit, offset }
}

const tokenRow = (token: Token) => ({
  defuse_asset_identifier: token.defuse_asset_identifier,
  near_token_id: token.near_token_id,
  decimals: token.decimals,
  asset_name: token.asset_name,
  min_deposit_amount: token.min_deposit_amount.toString(),
  min_withdrawal_amount: token.min_deposit_amount.toString(),
  withdrawal_fee: "0",
})

const depositRow = (row: Deposit, token: Token | undefined, omitted: Omitted) => ({
  tx_hash: row.tx_hash,
  chain: row.chain,
  defuse_asset_identifier: token?.defuse_asset_identifier,
  near_token_id: token?.near_token_id,
  decimals: token?.decimals,
  amount: row.amount,
  account_id: row.account_id,
  address: row.address,
  status: row.status,
  mint_tx_hash: row.mint_tx_hash,
  ...(omitted.timestamps === true ? {} : { created_at: row.created_at }),
  from: row.from,
})
