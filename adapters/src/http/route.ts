import { Result, Schema as S, type Schema } from "effect"
import { type Fields, readField, type Values } from "../config/field.ts"
import type { Logger } from "../log/log.ts"
import { badField, HttpError } from "./http-error.ts"

/** A schema of a JSON body or answer. */
export type JsonSchema<T> = Schema.Codec<T, unknown>

/** What a handler gets. */
export interface Input<Query, Params, Body> {
  readonly query: Query
  readonly params: Params
  readonly body: Body
  /** The `Accept` header: what the client would like to get; null when it does not say. */
  readonly accept: string | null
  /** Aborts when the client has gone or the answer takes too long. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** One path of a service: plain data, from which the route, its checks and its OpenAPI page follow. */
export interface Route {
  /** `GET` reads and needs the read token where there is one; `POST` commands and needs the control token. */
  readonly method: "GET" | "POST"
  /** The path; `:name` stands for a parameter: `/v1/transfers/:transfer_id`. */
  readonly url: string
  readonly summary: string
  readonly description?: string
  readonly query: Fields
  readonly params: Fields
  /** The body of a POST; null when it takes none. */
  readonly body: JsonSchema<unknown> | null
  /** What a successful answer looks like, for the documentation. */
  readonly response: JsonSchema<unknown> | null
  /** The status of a successful answer. */
  readonly status: number
  /** Whether an answer may be `Streamed`, which may take longer; and in which media types beside JSON. */
  readonly streams: ReadonlyArray<string> | null
  /**
   * Gives the answer. An object gets `as_of`, and `position` and `behind_seconds` where the service knows them;
   * fields that it has itself stay.
   */
  handler(input: Input<unknown, unknown, unknown>): unknown
}

/** Declares a route, with a handler that knows the types of its query, path parameters and body. */
export const defineRoute = <
  const Query extends Fields = Record<never, never>,
  const Params extends Fields = Record<never, never>,
  Body = undefined,
>(route: {
  readonly method: "GET" | "POST"
  readonly url: string
  readonly summary: string
  readonly description?: string
  readonly query?: Query
  readonly params?: Params
  readonly body?: JsonSchema<Body>
  readonly response?: JsonSchema<unknown>
  readonly status?: number
  readonly streams?: ReadonlyArray<string>
  handler(input: Input<Values<Query>, Values<Params>, Body>): unknown
}): Route => ({
  ...route,
  query: route.query ?? {},
  params: route.params ?? {},
  body: route.body ?? null,
  response: route.response ?? null,
  status: route.status ?? 200,
  streams: route.streams ?? null,
  // The service reads the input by the very fields and schema above, so that it has these types.
  handler: route.handler as Route["handler"],
})

/** A function that reads a request's inputs for a route. Throws an {@link HttpError} that names the first wrong field. */
export const inputReader = (route: Route) => {
  const readBody = bodyReader(route.body)
  return (request: { readonly query: unknown; readonly params: unknown; readonly body: unknown }) => ({
    query: readFields(route.query, request.query, "query parameter"),
    params: readFields(route.params, request.params, "path parameter"),
    body: readBody(request.body),
  })
}

const readFields = (fields: Fields, given: unknown, what: string): Record<string, unknown> => {
  const texts = new Map<string, unknown>(Object.entries(given ?? {}))
  for (const name of texts.keys()) {
    if (Object.hasOwn(fields, name)) continue
    const known = Object.keys(fields).join(", ")
    const accepted = known === "" ? `no ${what}` : known
    throw badField(name.slice(0, 100), `there is no such ${what}`, accepted)
  }
  const values: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const text = texts.get(name)
    if (text !== undefined && typeof text !== "string")
      throw badField(name, `this ${what} was given more than once`, field.kind.accepted)
    const read = readField(field, text)
    if (!read.ok) throw badField(name, read.problem, field.kind.accepted)
    values[name] = read.value
  }
  return values
}

const bodyReader = (schema: JsonSchema<unknown> | null) => {
  if (schema === null) {
    return (body: unknown): undefined => {
      const empty =
        body === undefined || body === null || (typeof body === "object" && Object.keys(body).length === 0)
      if (!empty) throw badField("body", "this command takes no body", "no body, or {}")
    }
  }
  const decode = S.decodeUnknownResult(schema, { onExcessProperty: "error" })
  return (body: unknown): unknown => {
    const result = decode(body ?? {})
    if (Result.isSuccess(result)) return result.success
    const { message } = result.failure
    const path = [...message.matchAll(/\["?([^"\]]{1,100})"?\]/g)].map((part) => part[1]).join(".")
    const [problem = "it does not fit"] = message.split("\n")
    throw new HttpError(400, "bad_field", `body: ${problem.slice(0, 300)}`, {
      field: path === "" ? "body" : path,
      accepted: "the request body that /openapi.json describes",
    })
  }
}
