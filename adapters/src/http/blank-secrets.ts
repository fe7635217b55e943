import type { FastifyInstance } from "fastify"
import type { Secret } from "../config/secret.ts"
import { textsOf } from "../config/secrets-of.ts"
import { secretBlanker } from "../log/log.ts"

/** Answers with evidence, whose bytes are shown as they are. */
const isEvidence = (route: string | undefined): boolean => route?.startsWith("/v1/") === true

/**
 * Blanks our own secrets in answers: `/state`, readiness and errors repeat the words of other systems, which know the
 * credentials that we send them and may send them back.
 */
export const blankSecrets = (app: FastifyInstance, secrets: ReadonlyArray<Secret>): void => {
  const blank = secretBlanker(textsOf(secrets))
  app.addHook("onSend", async (request, reply, payload) => {
    const shown = isEvidence(request.routeOptions.url) && reply.statusCode < 400
    return typeof payload === "string" && !shown ? blank(payload) : payload
  })
}
