/** A question to a ticker, relative to the configured address, and the symbols that its answer should hold. */
export interface TickerRequest {
  readonly path: string
  readonly query: { readonly [name: string]: string }
  readonly symbols: ReadonlyArray<string>
}

/** A price as text in canonical form, or what is wrong with it. */
export type Quote = { readonly price: string } | { readonly problem: string }

/** How one kind of public ticker is asked and read. */
export interface TickerShape {
  readonly name: string
  /** The questions that cover the symbols, in the ticker's own words for them. */
  readonly requests: (symbols: ReadonlyArray<string>) => ReadonlyArray<TickerRequest>
  /** What an answer says for each symbol of its request. Throws `TickerFailed` when it says nothing at all. */
  readonly read: (answer: unknown, request: TickerRequest) => ReadonlyMap<string, Quote>
}
