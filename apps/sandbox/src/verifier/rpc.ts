import { Result, Schema } from "effect"
import type { VerifierFault } from "./control.ts"

/** A view call as NEAR's JSON-RPC takes it. */
const readRequest = Schema.decodeUnknownResult(
  Schema.Struct({
    jsonrpc: Schema.Literal("2.0"),
    id: Schema.Union([Schema.String, Schema.Number]),
    method: Schema.Literal("query"),
    params: Schema.Struct({
      request_type: Schema.Literal("call_function"),
      finality: Schema.Literals(["optimistic", "near-final", "final"]),
      account_id: Schema.String,
      method_name: Schema.String,
      args_base64: Schema.String,
    }),
  }),
)
const readArgs = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Struct({ account_id: Schema.String, token_ids: Schema.Array(Schema.String) })),
)

/** What the contract knows at a block. */
export interface Ledger {
  readonly contract_id: string
  readonly balanceOf: (account_id: string, token_id: string) => bigint
  readonly block: () => { readonly block_height: number; readonly block_hash: string }
}

/** NEAR's error: the name of the kind, its cause, and the same again in the older form. */
const nearError = (kind: string, cause: string, code: number, message: string, data?: string) => ({
  error: {
    name: kind,
    cause: { name: cause, info: {} },
    code,
    message,
    ...(data === undefined ? {} : { data }),
  },
})

/** The text of the answer to a view call of `mt_batch_balance_of`, right or with a fault. */
export const answerRpc = (ledger: Ledger, body: unknown, fault: VerifierFault | null): string => {
  const request = readRequest(body)
  if (Result.isFailure(request))
    return write("dontcare", nearError("REQUEST_VALIDATION_ERROR", "PARSE_ERROR", -32700, "Parse error"))
  const { id, params } = request.success
  if (fault === "string_error") return write(id, { error: "upstream is not available" })
  if (fault === "rpc_error")
    return write(
      id,
      nearError("HANDLER_ERROR", "UNAVAILABLE_SHARD", -32000, "Server error", "shard 2 is not tracked"),
    )
  if (params.account_id !== ledger.contract_id)
    return write(
      id,
      nearError(
        "HANDLER_ERROR",
        "UNKNOWN_ACCOUNT",
        -32000,
        "Server error",
        `account ${params.account_id} does not exist while viewing`,
      ),
    )
  const block = ledger.block()
  const shown = fault === "no_block" ? {} : block
  const args = readArgs(Buffer.from(params.args_base64, "base64").toString("utf8"))
  const failed = (error: string) => write(id, { result: { error, logs: [], ...shown } })
  if (fault === "contract_error" || Result.isFailure(args))
    return failed(
      'wasm execution failed with error: HostError(GuestPanic { panic_msg: "Failed to deserialize input" })',
    )
  if (params.method_name !== "mt_batch_balance_of")
    return failed("wasm execution failed with error: MethodResolveError(MethodNotFound)")
  const { account_id, token_ids } = args.success
  const balances = token_ids.map((token) => ledger.balanceOf(account_id, token).toString())
  const bytes = [...Buffer.from(resultText(balances, fault), "utf8")]
  return write(id, { result: { result: bytes, logs: [], ...shown } })
}

const resultText = (balances: ReadonlyArray<string>, fault: VerifierFault | null): string => {
  if (fault === "not_json") return "\u0000not json"
  if (fault === "too_few") return JSON.stringify(balances.slice(1))
  if (fault === "number_balances") return `[${balances.join(",")}]`
  if (fault === "negative_balance") return JSON.stringify(balances.map((balance) => `-${balance}`))
  return JSON.stringify(balances)
}

const write = (id: string | number, answer: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id, ...answer })
