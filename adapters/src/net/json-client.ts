import { setTimeout as sleep } from "node:timers/promises"
import { stringify } from "lossless-json"
import { type Endpoint, endpointUrl } from "../config/endpoint.ts"
import { limits } from "../config/limits.ts"
import { reveal, type Secret } from "../config/secret.ts"
import { jsonDepth, parseExactJson } from "./exact-json.ts"
import { createPlaces } from "./places.ts"
import { excerptOf, type FailureDetails, type FailureReason, RequestFailed } from "./request-failed.ts"

export interface JsonClientOptions {
  /** What the other system is called in errors and logs: `bridge`, `esplora`. */
  readonly name: string
  /** Scheme, host, port, base path and credentials. Requests go nowhere else. */
  readonly endpoint: Endpoint
  /** Sent as `Authorization: Bearer`, for services of our own. */
  readonly bearer?: Secret
  /** `exact` (the default) keeps every digit; `plain` is faster, for answers without amounts. */
  readonly numbers?: "exact" | "plain"
  /** Statuses whose body is an answer; 2xx unless said otherwise (some JSON-RPC servers say 500 for an error). */
  readonly accept?: (status: number) => boolean
  readonly headers_timeout_ms?: number
  readonly total_timeout_ms?: number
  readonly bytes_max?: number
  readonly depth_max?: number
  readonly concurrency_max?: number
  readonly queue_max?: number
}

export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** JSON over HTTP to one configured place, with a limit on everything. Failures are {@link RequestFailed}. */
export interface JsonClient {
  readonly endpoint: Endpoint
  readonly get: (
    path: string,
    query?: { readonly [name: string]: string | number },
    options?: RequestOptions,
  ) => Promise<unknown>
  readonly post: (path: string, body: unknown, options?: RequestOptions) => Promise<unknown>
}

/** Makes the one kind of client through which the shell talks to bridges, tickers and explorers. */
export const createJsonClient = (options: JsonClientOptions): JsonClient => {
  const { name, endpoint } = options
  const size = { ...limits.client, ...options }
  const base = endpointUrl(endpoint)
  const failed = (reason: FailureReason, what: string, details?: FailureDetails) =>
    new RequestFailed({ name, endpoint }, reason, what, details)
  if (base.protocol !== "http:" && base.protocol !== "https:")
    throw failed(
      "refused",
      `${base.protocol}// is not a web address; configure one that starts with http:// or https://`,
    )
  const hidden: string[] = []
  const headers: Record<string, string> = { accept: "application/json", "accept-encoding": "identity" }
  if (base.username !== "" || base.password !== "") {
    const password = decodeURIComponent(base.password)
    const credentials = Buffer.from(`${decodeURIComponent(base.username)}:${password}`).toString("base64")
    headers.authorization = `Basic ${credentials}`
    hidden.push(credentials, base.password, password)
  }
  if (options.bearer !== undefined) {
    headers.authorization = `Bearer ${reveal(options.bearer)}`
    hidden.push(reveal(options.bearer))
  }
  const places = createPlaces(size, () =>
    failed("busy", `${size.concurrency_max} requests are under way and ${size.queue_max} wait already`),
  )

  const target = (path: string): URL => {
    const url = new URL(base.origin)
    url.pathname = `${base.pathname.replace(/\/$/, "")}${path === "" || path.startsWith("/") ? path : `/${path}`}`
    url.search = base.search
    return url
  }

  const ask = async (url: URL, request: RequestInit, given?: AbortSignal): Promise<unknown> => {
    const stop = new AbortController()
    const signal = given === undefined ? stop.signal : AbortSignal.any([stop.signal, given])
    const late = (what: string, after_ms: number) => {
      const timer = new AbortController()
      sleep(after_ms, undefined, { signal: timer.signal, ref: false }).then(
        () => stop.abort(failed("timeout", `${what} within ${after_ms} ms`)),
        () => {},
      )
      return timer
    }
    const total = late("not answered completely", size.total_timeout_ms)
    const first = late("did not begin to answer", size.headers_timeout_ms)
    try {
      const response = await fetch(url, { ...request, redirect: "manual", signal })
      first.abort()
      return await accepted(response)
    } catch (error) {
      if (error instanceof RequestFailed) throw error
      if (stop.signal.aborted) throw stop.signal.reason
      if (given?.aborted) throw failed("aborted", "the request was given up", { cause: given.reason })
      throw connectionFailure(error, failed)
    } finally {
      first.abort()
      total.abort()
      // Whatever is still open, such as the rest of an answer that is not wanted, is closed here.
      stop.abort()
    }
  }

  const accepted = async (response: Response): Promise<unknown> => {
    const { status } = response
    const fine = options.accept === undefined ? response.ok : options.accept(status)
    if (status >= 300 && status < 400)
      throw failed("redirected", `answered ${status}, a redirect, which is never followed`, { status })
    const text = await readText(response, fine ? size.bytes_max : excerpt_bytes_max, fine)
    const excerpt = excerptOf(text, limits.client.excerpt_chars_max, hidden)
    if (!fine) throw failed("status", `answered ${status}`, { status, excerpt })
    const depth = jsonDepth(text)
    if (depth > size.depth_max)
      throw failed("too_deep", `answered JSON that nests ${depth} deep, more than ${size.depth_max}`, {
        status,
        excerpt,
      })
    try {
      return options.numbers === "plain" ? JSON.parse(text) : parseExactJson(text)
    } catch (cause) {
      throw failed("not_json", `answered ${status} with ${text.length} characters that are not JSON`, {
        status,
        excerpt,
        cause,
      })
    }
  }

  const readText = async (response: Response, bytes_max: number, whole: boolean): Promise<string> => {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > bytes_max && whole)
        throw failed("too_large", `answered more than ${bytes_max} bytes`, { status: response.status })
      chunks.push(chunk)
      if (bytes >= bytes_max && !whole) break
    }
    return Buffer.concat(chunks).toString("utf8")
  }

  return {
    endpoint,
    get: (path, query = {}, { signal } = {}) => {
      const url = target(path)
      for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value))
      return places.use(() => ask(url, { method: "GET", headers }, signal), signal)
    },
    post: (path, body, { signal } = {}) => {
      const request = {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        // A bigint is written as a bare JSON number, with all its digits.
        body: stringify(body) ?? "null",
      }
      return places.use(() => ask(target(path), request, signal), signal)
    },
  }
}

/** How much of an answer with a bad status is read: enough for the excerpt. */
const excerpt_bytes_max = 4_096

const connectionFailure = (
  error: unknown,
  failed: (reason: FailureReason, what: string, details?: FailureDetails) => RequestFailed,
): RequestFailed => {
  const code = codeOf(error)
  if (code === "ECONNREFUSED")
    return failed("refused", "nothing listens there; is it running?", { cause: error })
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return failed("unresolved", "its host name has no address; check the configured URL", { cause: error })
  return failed("broken", `the connection broke before the answer was complete (${code})`, { cause: error })
}

/** The system's or undici's code of a failed fetch, which is somewhere in the chain of causes. */
const codeOf = (error: unknown): string => {
  for (let at = error, steps = 0; at instanceof Error && steps < 5; at = at.cause, steps++) {
    if ("code" in at && typeof at.code === "string") return at.code
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0])
  }
  return error instanceof Error ? error.message : String(error)
}
