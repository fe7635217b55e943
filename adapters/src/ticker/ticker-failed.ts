/** A ticker answered, and not with prices. The message says what came. */
export class TickerFailed extends Error {
  readonly _tag = "TickerFailed"
  readonly reason: "ticker_error" | "malformed"

  constructor(
    reason: "ticker_error" | "malformed",
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(`ticker: ${message}`, options)
    this.reason = reason
  }
}
