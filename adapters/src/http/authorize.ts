import { createHash, timingSafeEqual } from "node:crypto"
import { reveal, type Secret } from "../config/secret.ts"
import { HttpError } from "./http-error.ts"

/** Who may: the control token allows everything, the read token reading. Null where none is configured. */
export interface Tokens {
  readonly control: Secret | null
  readonly read: Secret | null
}

/** Whether a request may go on, told from its method and `Authorization` header alone. */
export interface Gate {
  /** Reading is open without a read token; every other method needs the control token. */
  readonly allows: (method: string, authorization: string | undefined) => boolean
  /** The 401 for a request that may not, and the challenge that goes with it. */
  readonly refusal: (
    method: string,
    authorization: string | undefined,
  ) => {
    readonly error: HttpError
    readonly challenge: string
  }
}

/** Builds the gate of a service. */
export const createGate = (service: string, tokens: Tokens): Gate => {
  const control = tokens.control === null ? null : digest(reveal(tokens.control))
  const read = tokens.read === null ? null : digest(reveal(tokens.read))
  return {
    allows: (method, authorization) => {
      const reads = method === "GET" || method === "HEAD"
      if (reads && read === null) return true
      const token = bearerToken(authorization)
      if (token === null) return false
      // Both are compared, always: digests of equal length, in constant time.
      const given = digest(token)
      const controls = control !== null && timingSafeEqual(given, control)
      const mayRead = read !== null && timingSafeEqual(given, read)
      return controls || (reads && mayRead)
    },
    refusal: (method, authorization) => {
      const which = method === "GET" || method === "HEAD" ? "read" : "control"
      const missing = which === "control" && control === null
      const why = missing
        ? "no control token is configured, so that this service takes no commands"
        : authorization === undefined
          ? `send Authorization: Bearer with the ${which} token`
          : `the token in Authorization is not the ${which} token`
      const realm = `Bearer realm="landfall ${service}"`
      return {
        error: new HttpError(401, "unauthorized", why),
        challenge: authorization === undefined ? realm : `${realm}, error="invalid_token"`,
      }
    },
  }
}

/**
 * The `Authorization` of a request: all of them when there are several, so that none is taken for the only one. Node
 * keeps the first, a proxy before us may have looked at the last.
 */
export const authorizationOf = (rawHeaders: ReadonlyArray<string>): string | undefined => {
  const given = rawHeaders.filter(
    (_, at) => rawHeaders[at - 1]?.toLowerCase() === "authorization" && at % 2 === 1,
  )
  return given.length === 0 ? undefined : given.join(", ")
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

const bearerToken = (authorization: string | undefined): string | null =>
  /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? "")?.[1] ?? null
