import Client from "bitcoin-core"
import { type Endpoint, endpointUrl } from "../config/endpoint.ts"
import { limits } from "../config/limits.ts"
import { createExchange, type Exchange } from "../net/exchange.ts"
import type { OnCall } from "../net/outgoing-call.ts"
import { RequestFailed } from "../net/request-failed.ts"

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
  readonly onCall?: OnCall
}

/** bitcoind gives plain text instead of JSON from 16 calls at once on; a poll needs few. */
const concurrencyMax = 4
const waitingMax = 64

/** bitcoind says these beside an error in JSON, as a JSON-RPC server of the old kind. */
const acceptedStatuses: ReadonlySet<number> = new Set([200, 400, 404, 500])

/** A client over the `bitcoin-core` package. */
export const bitcoindRpc = (options: BitcoindRpcOptions): BitcoindRpc => {
  const { endpoint } = options
  const url = endpointUrl(endpoint)
  const timeoutMs = options.timeoutMs ?? limits.client.total_timeout_ms
  const username = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  const exchange = createExchange({
    name: "bitcoind",
    endpoint,
    bytes_max: options.bytesMax ?? limits.client.bytes_max,
    concurrency_max: concurrencyMax,
    queue_max: waitingMax,
    ...(options.onCall === undefined ? {} : { onCall: options.onCall }),
  })

  const clientFor = (timeout_ms: number): Client => {
    const client = new Client({
      host: url.origin,
      username,
      password,
      wallet: options.wallet,
      logger: { debug: () => {} },
    })
    // The package's own transport (`request`) has no limit on size or total time, and follows HTTP_PROXY.
    client.request.postAsync = (request: unknown) => post(exchange, request, url.origin, timeout_ms)
    return client
  }
  const usual = clientFor(timeoutMs)

  const guarded = async <Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await ask()
    } catch (error) {
      throw failureOf(error, `bitcoind at ${endpoint.shown}: ${what}`, exchange)
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
          ? failureOf(answer, `bitcoind at ${endpoint.shown}: ${calls[index]?.method}`, exchange)
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

const post = async (exchange: Exchange, request: unknown, origin: string, timeout_ms: number) => {
  if (!isPostRequest(request)) throw new BitcoindError("garbage", "bitcoin-core asked for no POST")
  const { user = "", pass = "" } = request.auth ?? {}
  const answer = await exchange.ask(
    {
      method: "POST",
      url: new URL(request.uri, origin),
      headers: {
        "content-type": "application/json",
        ...(request.auth === undefined
          ? {}
          : { authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}` }),
      },
      body: request.body,
    },
    {
      accept: (status) => acceptedStatuses.has(status),
      timeout_ms,
      read: ({ status, content_type, text }) => {
        // The package parses; what cannot be an answer is told from its ends, so that the metrics know of it too.
        if (!["{}", "[]"].includes(`${text.trimStart().at(0)}${text.trimEnd().at(-1)}`))
          throw exchange.failed("not_json", "the answer is not JSON", {
            status,
            excerpt: exchange.excerpt(text),
          })
        return { statusCode: status, statusMessage: `status ${status}`, content_type, body: text }
      },
    },
  )
  return { ...answer, headers: { "content-type": answer.content_type } }
}

const failureOf = (error: unknown, what: string, exchange: Exchange): BitcoindError => {
  if (error instanceof RequestFailed) return unanswered(error, what)
  if (error instanceof BitcoindError)
    return new BitcoindError(error.failure, `${what}: ${error.message}`, { cause: error.cause })
  if (!(error instanceof Error)) {
    // The package's parser throws a plain object with the whole text in it.
    const text = typeof error === "object" && error !== null && "text" in error ? String(error.text) : ""
    return new BitcoindError(
      "garbage",
      `${what}: the answer is not JSON, beginning ${JSON.stringify(exchange.excerpt(text))}`,
    )
  }
  const code = "code" in error && typeof error.code === "number" ? error.code : null
  if (code !== null && code < 0)
    return new BitcoindError("refused", `${what}: ${exchange.excerpt(error.message)} (${code})`, {
      code,
      cause: error,
    })
  return new BitcoindError("garbage", `${what}: ${exchange.excerpt(error.message)}`, { cause: error })
}

const failures: Readonly<Partial<Record<RequestFailed["reason"], BitcoindFailure>>> = {
  refused: "unreachable",
  unresolved: "unreachable",
  untrusted: "unreachable",
  broken: "unreachable",
  timeout: "timeout",
  busy: "timeout",
}

const unanswered = (error: RequestFailed, what: string): BitcoindError => {
  const advice =
    error.status === 401 || error.status === 403
      ? "; check user and password in BITCOIN_OBSERVER_URL"
      : error.reason === "broken"
        ? "; is it running?"
        : ""
  return new BitcoindError(failures[error.reason] ?? "garbage", `${what}: ${error.what}${advice}`, {
    cause: error,
  })
}
