/** Why an answer of the verifier that arrived whole is of no use. What did not arrive is a `RequestFailed`. */
export type VerifierFailureReason =
  | "rpc_error" // the node says that it cannot answer
  | "contract_error" // the contract ended with an error
  | "malformed" // not the shape of an answer, or not the balances that were asked for
  | "stale" // from a block that is older than one that was seen, or that no longer advances

/** The verifier gave no balances that may be believed. The message says what came and what to look at. */
export class VerifierFailed extends Error {
  readonly _tag = "VerifierFailed"
  readonly reason: VerifierFailureReason

  constructor(reason: VerifierFailureReason, message: string, options: { readonly cause?: unknown } = {}) {
    super(`verifier: ${message}`, options)
    this.reason = reason
  }
}
