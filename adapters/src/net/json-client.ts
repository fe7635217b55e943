import { stringify } from "lossless-json"
import { type Endpoint, endpointUrl } from "../config/endpoint.ts"
import { reveal, type Secret } from "../config/secret.ts"
import { parseExactJson } from "./exact-json.ts"
import { createExchange, type ExchangeAnswer, type ExchangeOptions } from "./exchange.ts"

export interface JsonClientOptions extends Omit<ExchangeOptions, "hidden"> {
  /** Sent as `Authorization: Bearer`, for services of our own. */
  readonly bearer?: Secret
  /** `exact` (the default) keeps every digit; `plain` is faster, for answers without amounts. */
  readonly numbers?: "exact" | "plain"
  /** Statuses whose body is an answer; 2xx unless said otherwise (some JSON-RPC servers say 500 for an error). */
  readonly accept?: (status: number) => boolean
}

export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** JSON over HTTP to one configured place, with a limit on everything. Failures are `RequestFailed`. */
export interface JsonClient {
  readonly endpoint: Endpoint
  readonly get: (
    path: string,
    query?: { readonly [name: string]: string | number },
    options?: RequestOptions,
  ) => Promise<unknown>
  readonly post: (path: string, body: unknown, options?: RequestOptions) => Promise<unknown>
}

/** Dots that a URL resolves, plain or escaped; a backslash counts as a slash. */
const upwards = /(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\]|$)/i

const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** Makes the one kind of client through which the shell talks to bridges, tickers and explorers. */
export const createJsonClient = (options: JsonClientOptions): JsonClient => {
  const { endpoint } = options
  const token = options.bearer === undefined ? null : reveal(options.bearer)
  const exchange = createExchange({ ...options, hidden: token === null ? [] : [token] })
  const base = endpointUrl(endpoint)
  const headers: Record<string, string> = { accept: "application/json", "accept-encoding": "identity" }
  if (base.username !== "" || base.password !== "") {
    const credentials = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`
    headers["authorization"] = `Basic ${Buffer.from(credentials).toString("base64")}`
  }
  if (token !== null) headers["authorization"] = `Bearer ${token}`

  const target = (path: string): URL => {
    // A part of a path may come from an answer, such as an address: it must not lead to another path of the host.
    if (upwards.test(path))
      throw exchange.failed("refused", `a request to ${JSON.stringify(path)} would leave the configured path`)
    const url = new URL(base.origin)
    url.pathname = `${base.pathname.replace(/\/$/, "")}${path === "" || path.startsWith("/") ? path : `/${path}`}`
    url.search = base.search
    return url
  }

  const read = ({ status, text }: ExchangeAnswer): unknown => {
    try {
      return options.numbers === "plain" ? JSON.parse(text) : parseExactJson(text)
    } catch (cause) {
      throw exchange.failed(
        "not_json",
        `answered ${status} with ${text.length} characters that are not JSON`,
        { status, excerpt: exchange.excerpt(text), cause },
      )
    }
  }
  const as = { accept: options.accept ?? isSuccess, read }

  return {
    endpoint,
    get: async (path, query = {}, { signal } = {}) => {
      const url = target(path)
      for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value))
      return exchange.ask({ method: "GET", url, headers }, { ...as, signal })
    },
    post: async (path, body, { signal } = {}) =>
      exchange.ask(
        {
          method: "POST",
          url: target(path),
          headers: { ...headers, "content-type": "application/json" },
          // A bigint is written as a bare JSON number, with all its digits.
          body: stringify(body) ?? "null",
        },
        { ...as, signal },
      ),
  }
}
