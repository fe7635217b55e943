import { randomUUID } from "node:crypto"
import { toJson } from "@landfall/domain/codec"
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify"
import type { HttpLimits } from "../config/limits.ts"
import { HttpError, publicError } from "./http-error.ts"

/** A fastify instance with every limit set and nothing on it yet. */
export const createApp = (log: FastifyBaseLogger, size: HttpLimits): FastifyInstance => {
  const app = fastify({
    loggerInstance: log,
    // One line a request is written in `observeRequests`, without the query, which may name customers.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: false,
    bodyLimit: size.body_bytes_max,
    requestTimeout: size.request_timeout_ms,
    connectionTimeout: size.connection_timeout_ms,
    handlerTimeout: size.handler_timeout_ms,
    keepAliveTimeout: size.keep_alive_timeout_ms,
    maxRequestsPerSocket: size.requests_per_socket_max,
    forceCloseConnections: "idle",
    http: {
      maxHeaderSize: size.header_bytes_max,
      headersTimeout: size.headers_timeout_ms,
      connectionsCheckingInterval: size.timeout_check_interval_ms,
    },
    routerOptions: { maxParamLength: size.path_parameter_chars_max },
    frameworkErrors: (error, request, reply) => {
      answerError(error, request, reply)
    },
    clientErrorHandler: (error, socket) => {
      const [status, code] =
        error.code === "ERR_HTTP_REQUEST_TIMEOUT"
          ? ["408 Request Timeout", "timeout"]
          : error.code === "HPE_HEADER_OVERFLOW"
            ? ["431 Request Header Fields Too Large", "headers_too_large"]
            : ["400 Bad Request", "bad_request"]
      const body = toJson(new HttpError(400, code, `the request cannot be read (${status})`).body)
      if (socket.writable && error.code !== "ECONNRESET")
        socket.write(
          `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        )
      socket.destroySoon()
    },
  })
  app.server.maxConnections = size.connections_max
  return app
}

/** JSON of a body; an empty one counts as none. Names that would change a prototype are refused. */
export const parseJsonBody = async (_request: FastifyRequest, text: string | Buffer): Promise<unknown> => {
  if (text.length === 0) return undefined
  try {
    return JSON.parse(text.toString(), (name, value) => {
      if (name === "__proto__") throw new SyntaxError("a body must not name __proto__")
      return value
    })
  } catch {
    throw new HttpError(400, "bad_body", "the body is not JSON", { field: "body", accepted: "a JSON object" })
  }
}

/** Answers an error: ours and fastify's as they may be seen, anything else as 500 without what is inside. */
export const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
  const known = publicError(error)
  if (known === null) request.log.error({ err: error, request_id: request.id }, "a request failed inside")
  const shown =
    known ??
    new HttpError(500, "internal", `something failed inside; the log has it under request_id ${request.id}`)
  reply.code(shown.status).type("application/json; charset=utf-8").send(toJson(shown.body))
}
