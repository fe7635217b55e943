import { Schema } from "effect"
import type { JsonClient, RequestOptions } from "../net/json-client.ts"

/** The bridge answered, but not with what was asked for. */
export class BridgeError extends Error {
  readonly _tag = "BridgeError"
  /** `refused`: it said no, in its own words. `garbage`: what it said cannot be read. */
  readonly failure: "refused" | "garbage"

  constructor(failure: "refused" | "garbage", message: string) {
    super(message)
    this.failure = failure
  }
}

// The bridge's `error` is an object at times, and a plain string at others.
const ErrorAnswer = Schema.Struct({
  error: Schema.Union([Schema.String, Schema.Struct({ message: Schema.optionalKey(Schema.String) })]),
})
const ResultAnswer = Schema.Struct({ result: Schema.Unknown })

const isError = Schema.is(ErrorAnswer)
const isResult = Schema.is(ResultAnswer)

/** Enough of the bridge's words to understand them. */
const wordsMax = 200

/** Calls one method of the bridge's JSON-RPC and gives its result, unread. */
export const bridgeRpc =
  (client: JsonClient) =>
  async (method: string, parameters: object, options: RequestOptions = {}): Promise<unknown> => {
    const body = { jsonrpc: "2.0", id: "1", method, params: [parameters] }
    const answer = await client.post("", body, options)
    if (isError(answer)) {
      const { error } = answer
      const words = typeof error === "string" ? error : (error.message ?? "no reason given")
      throw new BridgeError("refused", `the bridge refused ${method}: ${plain(words, wordsMax)}`)
    }
    if (!isResult(answer)) throw new BridgeError("garbage", `the bridge answered ${method} without a result`)
    return answer.result
  }

// What a record's text refuses: one such character in a status would keep every observation from being published.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/** A text of the bridge as a record may carry it: one well-formed line of limited length. */
export const plain = (text: string, lengthMax = 256): string =>
  text.slice(0, lengthMax).toWellFormed().replaceAll(unprintable, " ")
