import Client from "bitcoin-core"
import { type Endpoint, endpointUrl } from "../config/endpoint.ts"
import { limits } from "../config/limits.ts"
import { jsonDepth } from "../net/exact-json.ts"
import { createPlaces } from "../net/places.ts"
import { excerptOf } from "../net/request-failed.ts"

/** Why a call gave nothing: bitcoind is away, late, said something that is not an answer, or refused the call. */
export type BitcoindFailure = "unreachable" | "timeout" | "garbage" | "refused"

/** A call to bitcoind failed. The message names the address without credentials, the method and what came. */
export class BitcoindError extends Error {
  readonly _tag = "BitcoindError"
  readonly failure: BitcoindFailure
  /** bitcoind's own error number (-5: not found, -18: no such wallet), or null when there was none. */
  readonly code: number | null

  constructor(failure: BitcoindFailure, message: string, options: { code?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.failure = failure
    this.code = options.code ?? null
  }
}

/** The methods of the node that Landfall calls. None of them signs, sends or changes the chain. */
export type BitcoindMethod =
  | "createwallet"
  | "getbestblockhash"
  | "getblockchaininfo"
  | "getblockhash"
  | "getblockheader"
  | "getdescriptorinfo"
  | "getmempoolentry"
  | "getmempoolinfo"
  | "gettransaction"
  | "gettxspendingprevout"
  | "getwalletinfo"
  | "importdescriptors"
  | "listdescriptors"
  | "listsinceblock"
  | "listwallets"
  | "loadwallet"

export interface BitcoindCall {
  readonly method: BitcoindMethod
  readonly parameters: ReadonlyArray<unknown>
}

/** bitcoind's JSON-RPC, bounded in time, size and calls at once. Numbers of more than 15 characters come as text. */
export interface BitcoindRpc {
  readonly shown: string
  readonly call: (
    method: BitcoindMethod,
    parameters?: ReadonlyArray<unknown>,
    timeoutMs?: number,
  ) => Promise<unknown>
  /** Several calls in one request; each gives its answer or its own error. */
  readonly batch: (calls: ReadonlyArray<BitcoindCall>) => Promise<ReadonlyArray<unknown>>
}

export interface BitcoindRpcOptions {
  readonly endpoint: Endpoint
  /** The wallet that wallet methods go to. */
  readonly wallet: string
  readonly timeoutMs?: number
  readonly bytesMax?: number
}

/** bitcoind gives plain text instead of JSON from 16 calls at once on; a poll needs few. */
const concurrencyMax = 4
const waitingMax = 64

/** A client over the `bitcoin-core` package. */
export const bitcoindRpc = (options: BitcoindRpcOptions): BitcoindRpc => {
  const { endpoint } = options
  const url = endpointUrl(endpoint)
  const timeoutMs = options.timeoutMs ?? limits.client.total_timeout_ms
  const username = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  const places = createPlaces(
    { concurrency_max: concurrencyMax, queue_max: waitingMax },
    () => new BitcoindError("timeout", `bitcoind at ${endpoint.shown}: too many calls wait already`),
  )

  const clientFor = (deadlineMs: number): Client => {
    const client = new Client({
      host: url.origin,
      username,
      password,
      wallet: options.wallet,
      logger: { debug: () => {} },
    })
    // The package's own transport (`request`) has no limit on size or total time, and follows HTTP_PROXY.
    client.request.postAsync = (request: unknown) =>
      post(request, { origin: url.origin, deadlineMs, bytesMax: options.bytesMax ?? limits.client.bytes_max })
    return client
  }
  const usual = clientFor(timeoutMs)

  const guarded = async <Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await places.use(ask)
    } catch (error) {
      throw failureOf(error, `bitcoind at ${endpoint.shown}: ${what}`, [password])
    }
  }

  return {
    shown: endpoint.shown,
    call: (method, parameters = [], callTimeoutMs) => {
      const client = callTimeoutMs === undefined ? usual : clientFor(callTimeoutMs)
      return guarded(method, () => client.command<unknown>(method, ...parameters))
    },
    batch: async (calls) => {
      if (calls.length === 0) return []
      const answers = await guarded(`${calls.length} calls`, () =>
        usual.command<unknown>(calls.map(({ method, parameters }) => ({ method, parameters }))),
      )
      if (!Array.isArray(answers) || answers.length !== calls.length)
        throw new BitcoindError(
          "garbage",
          `bitcoind at ${endpoint.shown}: a batch was not answered call by call`,
        )
      return answers.map((answer: unknown, index) =>
        answer instanceof Error
          ? failureOf(answer, `bitcoind at ${endpoint.shown}: ${calls[index]?.method}`, [password])
          : answer,
      )
    },
  }
}

/** What `bitcoin-core` asks its transport for. */
interface PostRequest {
  readonly auth?: { readonly user?: string; readonly pass?: string }
  readonly body: string
  readonly uri: string
}

const isPostRequest = (request: unknown): request is PostRequest =>
  typeof request === "object" && request !== null && "body" in request && "uri" in request

const post = async (
  request: unknown,
  bounds: { readonly origin: string; readonly deadlineMs: number; readonly bytesMax: number },
) => {
  if (!isPostRequest(request)) throw new BitcoindError("garbage", "bitcoin-core asked for no POST")
  const { user = "", pass = "" } = request.auth ?? {}
  const response = await fetch(new URL(request.uri, bounds.origin), {
    method: "POST",
    redirect: "error",
    headers: {
      "content-type": "application/json",
      ...(request.auth === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}` }),
    },
    body: request.body,
    signal: AbortSignal.timeout(bounds.deadlineMs),
  })
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bounds.bytesMax)
      throw new BitcoindError("garbage", `it answered more than ${bounds.bytesMax} bytes`)
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks).toString("utf8")
  if (jsonDepth(body) > limits.client.depth_max)
    throw new BitcoindError("garbage", `it answered JSON that nests deeper than ${limits.client.depth_max}`)
  const contentType = response.headers.get("content-type")?.split(";")[0] ?? ""
  return {
    statusCode: response.status,
    statusMessage: response.statusText || `status ${response.status}`,
    headers: { "content-type": contentType },
    body,
  }
}

const failureOf = (error: unknown, what: string, hidden: ReadonlyArray<string>): BitcoindError => {
  if (error instanceof BitcoindError)
    return new BitcoindError(error.failure, `${what}: ${error.message}`, {
      ...(error.code === null ? {} : { code: error.code }),
      cause: error.cause,
    })
  if (!(error instanceof Error)) {
    // The package's parser throws a plain object with the whole text in it.
    const text = typeof error === "object" && error !== null && "text" in error ? String(error.text) : ""
    const start = JSON.stringify(excerptOf(text, limits.client.excerpt_chars_max, hidden))
    return new BitcoindError("garbage", `${what}: the answer is not JSON, beginning ${start}`)
  }
  if (error.name === "TimeoutError")
    return new BitcoindError("timeout", `${what}: not answered completely in time`, { cause: error })
  const code = "code" in error && typeof error.code === "number" ? error.code : null
  if (code !== null && code < 0)
    return new BitcoindError("refused", `${what}: ${error.message} (${code})`, { code, cause: error })
  if (code !== null) {
    const body = "body" in error && typeof error.body === "string" ? error.body : ""
    const start =
      body === ""
        ? ""
        : `, beginning ${JSON.stringify(excerptOf(body, limits.client.excerpt_chars_max, hidden))}`
    const advice = code === 401 || code === 403 ? "; check user and password in BITCOIN_OBSERVER_URL" : ""
    return new BitcoindError("garbage", `${what}: status ${code}${start}${advice}`, { cause: error })
  }
  if (error instanceof TypeError && error.message === "fetch failed")
    return new BitcoindError("unreachable", `${what}: ${causeOf(error)}; is it running?`, { cause: error })
  return new BitcoindError("garbage", `${what}: ${error.message}`, { cause: error })
}

const causeOf = (error: Error): string => {
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message
}
