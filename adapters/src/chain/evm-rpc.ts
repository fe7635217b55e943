import { Schema } from "effect"
import { createJsonClient, type JsonClient, type JsonClientOptions } from "../net/json-client.ts"
import { excerptOf } from "../net/request-failed.ts"

/**
 * An EVM node answered, but not with what was asked for. `refused`: it said no, in its own words. `garbage`: what it
 * said cannot be, or cannot be read. `wrong_chain`: it is no node of the configured chain. What did not arrive whole
 * is a `RequestFailed`.
 */
export type EvmFailure = "refused" | "garbage" | "wrong_chain"

export class EvmError extends Error {
  readonly _tag = "EvmError"
  readonly failure: EvmFailure

  constructor(failure: EvmFailure, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options)
    this.failure = failure
  }
}

/** The methods of the node that Landfall calls. None of them signs, sends or changes the chain. */
export type EvmMethod =
  | "eth_chainId"
  | "eth_getBlockByNumber"
  | "eth_getCode"
  | "eth_getLogs"
  | "eth_getTransactionReceipt"
  | "eth_syncing"

export interface EvmCall {
  readonly method: EvmMethod
  readonly parameters: ReadonlyArray<unknown>
}

/** An EVM node's JSON-RPC. */
export interface EvmRpc {
  readonly shown: string
  /**
   * Several calls, answered in their order: results, unread, or the node's own refusals. They go in one request, so
   * that a load balancer gives them to one node and they tell of one view of the chain.
   */
  readonly batch: (calls: ReadonlyArray<EvmCall>) => Promise<ReadonlyArray<unknown>>
}

const ErrorWords = Schema.Union([
  Schema.String,
  Schema.Struct({ code: Schema.optionalKey(Schema.Number), message: Schema.optionalKey(Schema.String) }),
])
const Answer = Schema.Struct({
  id: Schema.Number,
  result: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.NullOr(ErrorWords)),
})
type Answer = typeof Answer.Type
const isAnswer = Schema.is(Answer)
const isRefusal = Schema.is(Schema.Struct({ error: ErrorWords }))

const wordsMax = 200

/** Nodes that limit ranges or batches say so in JSON under one of these, too. */
const accepted: ReadonlySet<number> = new Set([200, 400, 413])

/**
 * JSON-RPC over the client that has a limit on everything. viem's own transport has none on the size of an answer and
 * follows redirects, so viem only decodes here.
 */
export const evmRpc = (options: Omit<JsonClientOptions, "name" | "numbers" | "accept">): EvmRpc => {
  const client = createJsonClient({
    ...options,
    name: "EVM node",
    // Quantities come as hexadecimal text.
    numbers: "plain",
    accept: (status) => accepted.has(status),
  })
  return evmRpcOver(client)
}

/** The same over any client. */
export const evmRpcOver = (client: Pick<JsonClient, "endpoint" | "post">): EvmRpc => {
  const { shown } = client.endpoint
  const garbage = (what: string) => new EvmError("garbage", `EVM node at ${shown}: ${what}`)

  const refusal = (what: string, error: typeof ErrorWords.Type): EvmError => {
    const words = typeof error === "string" ? error : `${error.message ?? "no reason given"} (${error.code})`
    return new EvmError("refused", `EVM node at ${shown}: it refused ${what}: ${excerptOf(words, wordsMax)}`)
  }

  /** The result, or the node's refusal as an error that is not thrown. */
  const read = ({ result, error }: Answer, method: EvmMethod): unknown => {
    if (error !== undefined && error !== null) return refusal(method, error)
    if (result === undefined) throw garbage(`it answered ${method} with neither result nor error`)
    return result
  }

  return {
    shown,
    batch: async (calls) => {
      if (calls.length === 0) return []
      const answers = await client.post(
        "",
        calls.map(({ method, parameters }, id) => ({ jsonrpc: "2.0", id, method, params: parameters })),
      )
      if (!Array.isArray(answers)) {
        // A node that takes no batches, or not so large ones, answers once for all.
        if (isRefusal(answers)) throw refusal(`${calls.length} calls at once`, answers.error)
        throw garbage(`it answered ${calls.length} calls at once with no list; it must take JSON-RPC batches`)
      }
      const byId = new Map<number, Answer>()
      for (const answer of answers) if (isAnswer(answer)) byId.set(answer.id, answer)
      return calls.map(({ method }, id) => {
        const answer = byId.get(id)
        if (answer === undefined) throw garbage(`it left the call of ${method} in a batch unanswered`)
        return read(answer, method)
      })
    },
  }
}
