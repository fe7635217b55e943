import { inspect } from "node:util"
import { reveal, type Secret, secret } from "./secret.ts"

/** The address of another system. It may carry a password or an API key, so that only `shown` may be printed. */
export interface Endpoint {
  /** Scheme, host, port and, for a database, its name: without user, password, key path or query. */
  readonly shown: string
  readonly url: Secret
}

/** Schemes whose path names a database; the path of a web address often is an API key. */
const databaseSchemes = ["postgres:", "postgresql:"]

class HiddenEndpoint implements Endpoint {
  readonly shown: string
  readonly url: Secret

  constructor(shown: string, url: Secret) {
    this.shown = shown
    this.url = url
  }

  toString(): string {
    return this.shown
  }

  toJSON(): string {
    return this.shown
  }

  [inspect.custom](): string {
    return this.shown
  }
}

/** An endpoint from its full address. Throws a TypeError, without the text, when it is not a URL. */
export const endpoint = (text: string): Endpoint => {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) throw new TypeError("not a URL: expected something like https://host.example:8443")
  const path = databaseSchemes.includes(url.protocol) ? url.pathname : url.pathname === "/" ? "" : "/…"
  return new HiddenEndpoint(`${url.protocol}//${url.host}${path}`, secret(text))
}

/** The full address as a URL, with its credentials. */
export const endpointUrl = (to: Endpoint): URL => new URL(reveal(to.url))
