import type { FastifyInstance } from "fastify"
import type { Secret } from "../config/secret.ts"
import { secret_part_chars_min, textsOf } from "../config/secrets-of.ts"
import { secretBlanker } from "../log/log.ts"

/** Evidence, whose bytes are shown as they are, and pages that are made of our own words alone. */
const isVerbatim = (route: string | undefined): boolean =>
  route !== undefined && /^\/(?:v1\/|docs|openapi\.json$|metrics$)/.test(route)

/**
 * Blanks our own secrets in answers: `/state`, readiness and errors repeat the words of other systems, which know the
 * credentials that we send them and may send them back.
 */
export const blankSecrets = (app: FastifyInstance, secrets: ReadonlyArray<Secret>): void => {
  const blank = secretBlanker(textsOf(secrets).filter((text) => text.length >= secret_part_chars_min))
  app.addHook("onSend", async (request, reply, payload) => {
    const verbatim = isVerbatim(request.routeOptions.url) && reply.statusCode < 400
    return typeof payload === "string" && !verbatim ? blank(payload) : payload
  })
}
