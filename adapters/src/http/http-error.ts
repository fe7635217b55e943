/** What a client gets when its request is not served: `{error: {code, message, field?, accepted?}}`. */
export interface ErrorBody {
  readonly error: {
    /** A word for programs; it stays the same when the message is reworded. */
    readonly code: string
    readonly message: string
    /** The parameter or body field that is wrong. */
    readonly field?: string
    /** What that field may be. */
    readonly accepted?: string
  }
}

/** Thrown by a handler to answer with a status and an {@link ErrorBody}. Its message is shown to the client. */
export class HttpError extends Error {
  readonly _tag = "HttpError"
  readonly status: number
  readonly code: string
  readonly about: { readonly field?: string; readonly accepted?: string }

  constructor(
    status: number,
    code: string,
    message: string,
    about: { readonly field?: string; readonly accepted?: string } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.about = about
  }

  get body(): ErrorBody {
    return { error: { code: this.code, message: this.message, ...this.about } }
  }
}

/** 400: a parameter or body field is wrong. */
export const badField = (field: string, problem: string, accepted: string): HttpError =>
  new HttpError(400, "bad_field", `${field}: ${problem}`, { field, accepted })

/** 404: nothing has that id. */
export const notFound = (what: string): HttpError => new HttpError(404, "not_found", what)

/** 409: the command does not fit the state that the service is in. */
export const conflict = (what: string): HttpError => new HttpError(409, "conflict", what)

/** 503: the service cannot answer now, and says why. */
export const unavailable = (why: string): HttpError => new HttpError(503, "unavailable", why)

/** What the client is told about an error of fastify itself, by its code; anything else is ours to hide. */
const fastifyErrors: { readonly [code: string]: readonly [status: number, code: string, message: string] } = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, "body_too_large", "the body is too long"],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, "unsupported_media_type", "send the body as application/json"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, "bad_body", "the body is not as long as content-length says"],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, "bad_body", "the body is not JSON"],
  FST_ERR_BAD_URL: [400, "bad_url", "the path is not a valid URL"],
  FST_ERR_MAX_PARAM_LENGTH: [414, "url_too_long", "a part of the path is too long"],
  FST_ERR_HANDLER_TIMEOUT: [503, "timeout", "the answer took too long; ask for less, or again later"],
}

/** The error as a client may see it; null when it is a fault of ours, which the log gets and the client does not. */
export const publicError = (error: unknown): HttpError | null => {
  if (error instanceof HttpError) return error
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  const known = fastifyErrors[code]
  if (known !== undefined) return new HttpError(...known)
  // A plugin that serves files refuses odd paths with a status of its own; its message names folders.
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500
  return status >= 400 && status < 500 ? new HttpError(status, "refused", "this request is not served") : null
}
