import { setTimeout as sleep } from "node:timers/promises"
import { type Endpoint, endpointUrl } from "../config/endpoint.ts"
import { limits } from "../config/limits.ts"
import { secret_part_chars_min, secretsInUrl } from "../config/secrets-of.ts"
import { jsonDepth } from "./exact-json.ts"
import { type CallOutcome, type OnCall, sourceLabel } from "./outgoing-call.ts"
import { createPlaces } from "./places.ts"
import { excerptOf, type FailureDetails, type FailureReason, RequestFailed } from "./request-failed.ts"

export interface ExchangeOptions {
  /** What the other system is called in errors, logs and metrics: `bridge`, `esplora`. */
  readonly name: string
  /** Scheme, host and port. Requests go nowhere else. */
  readonly endpoint: Endpoint
  readonly headers_timeout_ms?: number
  readonly total_timeout_ms?: number
  readonly bytes_max?: number
  readonly depth_max?: number
  readonly concurrency_max?: number
  readonly queue_max?: number
  readonly onCall?: OnCall
  /** Texts beside those of the address that are blanked in what is shown of an answer. */
  readonly hidden?: readonly string[]
}

/** A request as it goes out; the path is below the endpoint's host, whatever it says. */
export interface ExchangeRequest {
  readonly method: "GET" | "POST"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** An answer that came whole and within the limits. */
export interface ExchangeAnswer {
  readonly status: number
  readonly content_type: string
  readonly text: string
}

export interface ReadAs<Value> {
  /** Statuses whose body is an answer. */
  readonly accept: (status: number) => boolean
  /** Makes something of the answer; throws what `failed` gives. Part of the call, so that the metrics know. */
  readonly read: (answer: ExchangeAnswer) => Value
  readonly signal?: AbortSignal | undefined
  /** Instead of the usual times: for the whole answer, whenever it begins. For calls that work before they answer. */
  readonly timeout_ms?: number | undefined
}

/** The one way out: every request of every adapter to another system's HTTP passes here. */
export interface Exchange {
  readonly failed: (reason: FailureReason, what: string, details?: FailureDetails) => RequestFailed
  /** The beginning of an answer as it may be shown: printable, and without our secrets if it repeats them. */
  readonly excerpt: (text: string) => string
  /** Asks once. Rejects with {@link RequestFailed}, whatever goes wrong on the way. */
  readonly ask: <Value>(request: ExchangeRequest, as: ReadAs<Value>) => Promise<Value>
}

/** How much of an answer with a bad status is read: enough for the excerpt. */
const excerpt_bytes_max = 4_096

/**
 * Asks one configured place, with a limit on everything: scheme and host are fixed, redirects are refused, bytes, depth
 * of JSON, time and calls at once are bounded, and certificates are verified as Node does it by default.
 */
export const createExchange = (options: ExchangeOptions): Exchange => {
  const { name, endpoint, onCall = () => {} } = options
  const size = { ...limits.client, ...options }
  const source = sourceLabel(name)
  const address = endpointUrl(endpoint)
  const { origin, protocol } = address
  const hidden = [...secretsInUrl(address), ...(options.hidden ?? [])]
  const excerpt = (text: string): string => excerptOf(text, limits.client.excerpt_chars_max, hidden)
  const failed = (reason: FailureReason, what: string, details?: FailureDetails) =>
    new RequestFailed({ name, endpoint }, reason, what, details)
  /**
   * The other side knows what we send; whatever is made of its words, cut or whole, must not repeat it. What is short may
   * be an ordinary word of an answer, which must stay as it is; that is blanked where an answer is shown.
   */
  const blank = (text: string): string =>
    hidden.reduce(
      (rest, secret) =>
        secret.length < secret_part_chars_min ? rest : rest.replaceAll(secret, "<redacted>"),
      text,
    )
  if (protocol !== "http:" && protocol !== "https:")
    throw failed(
      "refused",
      `${protocol}// is not a web address; configure one that starts with http:// or https://`,
    )
  const places = createPlaces(size, () => {
    onCall({ source, outcome: "busy", took_ms: 0 })
    return failed("busy", `${size.concurrency_max} requests are under way and ${size.queue_max} wait already`)
  })

  const once = async <Value>(request: ExchangeRequest, as: ReadAs<Value>): Promise<Value> => {
    const { signal: given, timeout_ms } = as
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
    const total = late("not answered completely", timeout_ms ?? size.total_timeout_ms)
    const first = timeout_ms === undefined ? late("did not begin to answer", size.headers_timeout_ms) : total
    try {
      const { url, ...init } = request
      const response = await fetch(url, { ...init, redirect: "manual", signal })
      if (first !== total) first.abort()
      return as.read(await accepted(response, as.accept))
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

  const accepted = async (
    response: Response,
    accept: (status: number) => boolean,
  ): Promise<ExchangeAnswer> => {
    const { status } = response
    const fine = accept(status)
    if (status >= 300 && status < 400)
      throw failed("redirected", `answered ${status}, a redirect, which is never followed`, { status })
    const text = blank(await readText(response, fine ? size.bytes_max : excerpt_bytes_max, fine))
    if (!fine) throw failed("status", `answered ${status}`, { status, excerpt: excerpt(text) })
    const depth = jsonDepth(text)
    if (depth > size.depth_max)
      throw failed("too_deep", `answered JSON that nests ${depth} deep, more than ${size.depth_max}`, {
        status,
        excerpt: excerpt(text),
      })
    return { status, content_type: response.headers.get("content-type")?.split(";")[0]?.trim() ?? "", text }
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

  const measured = async <Value>(request: ExchangeRequest, as: ReadAs<Value>): Promise<Value> => {
    const began_ms = performance.now()
    let outcome: CallOutcome = "answered"
    try {
      return await once(request, as)
    } catch (error) {
      if (error instanceof RequestFailed) outcome = error.reason
      throw error
    } finally {
      onCall({ source, outcome, took_ms: performance.now() - began_ms })
    }
  }

  return {
    failed,
    excerpt,
    ask: async (request, as) => {
      if (request.url.origin !== origin)
        throw failed("refused", `a request to ${request.url.origin} does not go out through this client`)
      return places.use(() => measured(request, as), as.signal)
    },
  }
}

const connectionFailure = (
  error: unknown,
  failed: (reason: FailureReason, what: string, details?: FailureDetails) => RequestFailed,
): RequestFailed => {
  const code = codeOf(error)
  if (code === "ECONNREFUSED")
    return failed("refused", "nothing listens there; is it running?", { cause: error })
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return failed("unresolved", "its host name has no address; check the configured URL", { cause: error })
  if (isCertificateTrouble(code))
    return failed(
      "untrusted",
      `its certificate is not accepted (${code}); check the address, or give its issuer in NODE_EXTRA_CA_CERTS`,
      { cause: error },
    )
  return failed("broken", `the connection broke before the answer was complete (${code})`, { cause: error })
}

/** OpenSSL's words for a chain that does not hold, and Node's for a certificate of another host. */
const isCertificateTrouble = (code: string): boolean =>
  /^(?:CERT_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|HOSTNAME_MISMATCH)/.test(code)

/** The system's or undici's code of a failed fetch, which is somewhere in the chain of causes. */
const codeOf = (error: unknown): string => {
  for (let at = error, steps = 0; at instanceof Error && steps < 5; at = at.cause, steps++) {
    if ("code" in at && typeof at.code === "string") return at.code
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0])
  }
  return error instanceof Error ? error.message : String(error)
}
