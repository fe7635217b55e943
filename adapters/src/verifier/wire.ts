import { Amount } from "@landfall/domain/amount"
import { WholeNumber } from "@landfall/domain/text"
import { Result, Schema } from "effect"
import { limits } from "../config/limits.ts"
import { jsonDepth } from "../net/exact-json.ts"
import { excerptOf } from "../net/request-failed.ts"
import { VerifierFailed } from "./verifier-failed.ts"

/** Balances as the contract has them at one block, in the order of the tokens that were asked for. */
export interface BalancesAtBlock {
  readonly amounts: ReadonlyArray<Amount>
  readonly block_height: number
  readonly block_hash: string
}

/** A view call of a contract's method at the newest final block: what can still be undone is not money. */
export const viewCall = (contract_id: string, method_name: string, args: unknown) => ({
  jsonrpc: "2.0",
  id: "landfall",
  method: "query",
  params: {
    request_type: "call_function",
    finality: "final",
    account_id: contract_id,
    method_name,
    args_base64: Buffer.from(JSON.stringify(args), "utf8").toString("base64"),
  },
})

const Block = { block_height: WholeNumber, block_hash: Schema.String.check(Schema.isMaxLength(64)) }
const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

// Older nodes tell of a contract's failure inside the result, newer ones in the error.
const readAnswer = Schema.decodeUnknownResult(
  Schema.Union([
    Schema.Struct({ error: Schema.Unknown.check(Schema.makeFilter((error) => error != null)) }),
    Schema.Struct({ result: Schema.Struct({ result: Schema.Array(Byte), ...Block }) }),
    Schema.Struct({ result: Schema.Struct({ error: Schema.String }) }),
  ]),
)

/** The contract counts in 128 bits without a sign. */
const Balance = Amount.check(
  Schema.makeFilter((units) => units < 2n ** 128n || "expected a balance that fits 128 bits"),
)
const readBalances = Schema.decodeUnknownResult(Schema.Array(Balance))

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const malformed = (what: string, cause?: unknown): VerifierFailed =>
  new VerifierFailed("malformed", `${what}; is VERIFIER_URL a NEAR RPC address?`, { cause })

const short = (value: unknown): string =>
  excerptOf(
    typeof value === "string" ? value : (JSON.stringify(value) ?? ""),
    limits.client.excerpt_chars_max,
  )

/** The balances in an answer to `mt_batch_balance_of`. Throws {@link VerifierFailed} for anything else. */
export const balancesOf = (answer: unknown, tokens: number): BalancesAtBlock => {
  const read = readAnswer(answer)
  if (Result.isFailure(read))
    throw malformed(
      `an answer that is no result of a view call (${short(read.failure.message)})`,
      read.failure,
    )
  const said = read.success
  if ("error" in said)
    throw new VerifierFailed("rpc_error", `the node answered an error: ${errorText(said.error)}`)
  if ("error" in said.result)
    throw new VerifierFailed("contract_error", `the contract failed: ${short(said.result.error)}`)
  const { result, block_height, block_hash } = said.result
  const balances = readBalances(parsed(Uint8Array.from(result)))
  if (Result.isFailure(balances))
    throw malformed(
      `the contract gave no list of whole numbers as text (${short(balances.failure.message)})`,
      balances.failure,
    )
  if (balances.success.length !== tokens)
    throw malformed(`${balances.success.length} balances came for ${tokens} tokens`)
  return { amounts: balances.success, block_height, block_hash }
}

const parsed = (bytes: Uint8Array): unknown => {
  try {
    const text = utf8.decode(bytes)
    if (jsonDepth(text) > limits.client.depth_max) throw new RangeError("it nests too deep")
    return JSON.parse(text)
  } catch (cause) {
    throw malformed("the contract's result is not UTF-8 JSON", cause)
  }
}

/** NEAR puts the useful words in `data` or in the name of the `cause`; some gateways send a plain string. */
const errorText = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return short(error)
  const words = [
    "name" in error ? error.name : null,
    "cause" in error && typeof error.cause === "object" && error.cause !== null && "name" in error.cause
      ? error.cause.name
      : null,
    "message" in error ? error.message : null,
    "data" in error ? error.data : null,
  ].filter((word) => word != null && word !== "")
  return words.length === 0 ? short(error) : words.map(short).join(", ")
}
