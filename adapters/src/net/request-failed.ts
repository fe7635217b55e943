import type { Endpoint } from "../config/endpoint.ts"

/** Why a request to another system gave no usable answer. */
export type FailureReason =
  | "refused" // nothing listens there
  | "unresolved" // the host name has no address
  | "untrusted" // its TLS certificate is not accepted
  | "broken" // the connection ended before the answer did
  | "timeout" // no answer, or not all of it, in time
  | "aborted" // the caller gave up
  | "busy" // too many of our own requests wait already
  | "status" // an answer with another status than 2xx
  | "redirected" // an answer that sends us elsewhere; we never go
  | "too_large"
  | "too_deep"
  | "not_json"

export interface FailureDetails {
  readonly status?: number
  /** The beginning of the answer, printable. */
  readonly excerpt?: string
  readonly cause?: unknown
}

/** A request to another system failed. The message names the system, its address without secrets, and what came. */
export class RequestFailed extends Error {
  readonly _tag = "RequestFailed"
  readonly reason: FailureReason
  /** What happened, without the name and the address. */
  readonly what: string
  /** The name of the system that was asked, such as `bridge`. */
  readonly system: string
  readonly address: string
  readonly status: number | null
  readonly excerpt: string | null

  constructor(
    to: { readonly name: string; readonly endpoint: Endpoint },
    reason: FailureReason,
    what: string,
    details: FailureDetails = {},
  ) {
    const came = details.excerpt === undefined ? "" : `, beginning ${JSON.stringify(details.excerpt)}`
    super(`${to.name} at ${to.endpoint.shown}: ${what}${came}`, { cause: details.cause })
    this.what = `${what}${came}`
    this.reason = reason
    this.system = to.name
    this.address = to.endpoint.shown
    this.status = details.status ?? null
    this.excerpt = details.excerpt ?? null
  }
}

/** The beginning of a text with everything unprintable escaped and known secrets blanked. */
export const excerptOf = (text: string, chars_max: number, hidden: readonly string[] = []): string => {
  let start = text
  for (const secret of hidden) if (secret.length > 0) start = start.replaceAll(secret, "<redacted>")
  return start
    .slice(0, chars_max)
    .replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
}
